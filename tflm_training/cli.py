"""The command line: finds the command, turns what goes wrong into one line and a status.

Exit status: 0, 1 for what cannot be done, 2 for a wrong command line, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tflm_training.commands import COMMANDS
from tflm_training.data import DataError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser with a subparser for each of COMMANDS."""
    parser = _Parser(
        prog="python -m tflm_training",
        description="Train int8 models with TFLite Micro's interpreter.",
        allow_abbrev=False,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. Errors go to stderr."""
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has said why
        return int(leaving.code or 0)
    try:
        arguments.run(arguments)
    except (DataError, RuntimeError, ImportError, OSError, MemoryError) as error:
        lines = (str(error) or type(error).__name__).splitlines()
        print(f"error: {' '.join(lines)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"error: interrupted, {str(interrupt) or 'nothing was written'}", file=sys.stderr)
        return 130
    return 0
