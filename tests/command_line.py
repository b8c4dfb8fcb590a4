"""What a command of the runner says when it fails."""

from __future__ import annotations

import pytest

from tflm_training.cli import main


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 1) -> str:
    """The one line on stderr of a command line that must fail, without its `error: `."""
    capsys.readouterr()  # of commands before it
    assert main([str(argument) for argument in arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err.strip().removeprefix("error: ")
