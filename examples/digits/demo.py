"""The demo: a model of printed digits learns real handwriting in 14 KiB of arena.

Runs the commands that a user would type and ends with what they reached.

    python -m examples.digits.demo
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).with_name("digits_int8.tflite")
BUDGET = "14k"
EPOCHS = 8
LEARNING_RATE = 0.015

_FOLDER = Path("build") / "digits"


def commands(folder: Path) -> list[list[str]]:
    """What the demo runs, as the arguments of `python`; the results go to `folder`."""
    data = str(folder / "digits.npz")
    trained = str(folder / f"{MODEL.stem}_train.tflite")
    convert = ["-m", "converter", _shown(MODEL), "--budget", BUDGET]
    train = ["-m", "tflm_training", "train", trained, "--data", data]
    train += ["--epochs", str(EPOCHS), "--learning_rate", str(LEARNING_RATE)]
    return [
        ["-m", "examples.digits.data", data],
        [*convert, "--output", str(folder), "--overwrite"],
        [*train, "--json", str(folder / "result.json"), "--overwrite"],
    ]


def summary(folder: Path) -> str:
    """What the commands left in `folder`, in three lines."""
    plan = json.loads((folder / f"{MODEL.stem}_train.json").read_text())
    result = json.loads((folder / "result.json").read_text())
    before, after = (100 * result[f"accuracy_{when}"] for when in ("before", "after"))
    return (
        f"trained layers         {len(plan['update'])}\n"
        f"arena on a Cortex-M    {plan['arena_bytes']:,} of {plan['budget_bytes']:,} bytes\n"
        f"handwriting, accuracy  {before:.1f} % before, {after:.1f} % after"
    )


def _shown(path: Path) -> str:
    """The path as a user in the project's folder would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main() -> int:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for arguments in commands(_FOLDER):
        print(f"\n$ {shlex.join([_shown(Path(sys.executable)), *arguments])}", flush=True)
        status = subprocess.run([sys.executable, *arguments], check=False).returncode
        if status:
            return status
    print(f"\n{summary(_FOLDER)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
