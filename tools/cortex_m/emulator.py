"""Runs recorded operators on an emulated core."""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.cortex_m.build import Core
from tools.cortex_m.recording import RecordedOperator, pack, split, tensor_at

_EMULATOR = "qemu-system-arm"
# Of the 16 MiB that a recording may take.
_RECORDING_BYTES = 15 << 20
_TIMEOUT_SECONDS = 600


class EmulatorError(Exception):
    """The emulated program did not run to its end; the text says how far it came."""


@dataclasses.dataclass(frozen=True)
class Replayed:
    """What came of one operator.

    instructions: executed by its Eval, within 40; stack_bytes: what Eval took below its caller,
    rounded up to at most 64 more. fault: None, or in words what differs from the recording.
    """

    instructions: int
    stack_bytes: int
    fault: str | None


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A loop of known length, and the instructions that were counted."""

    expected: int
    counted: int


@dataclasses.dataclass(frozen=True)
class Run:
    """Results in the order of the operators."""

    operators: list[Replayed]
    calibration: list[Calibration]


def replay(program: Path, core: Core, operators: Sequence[RecordedOperator]) -> Run:
    """Run the operators on `core`, in as many emulations as their memory takes.

    Raises EmulatorError.
    """
    replayed: list[Replayed] = []
    calibration: list[Calibration] = []
    for group in split(operators, _RECORDING_BYTES):
        lines = _emulate(program, core, pack(group))
        calibration = [Calibration(int(w[1]), int(w[2])) for w in lines if w[0] == "calibration"]
        replayed += _results(group, lines)
    return Run(replayed, calibration)


def _emulate(program: Path, core: Core, recording: bytes) -> list[list[str]]:
    """The words of each line that the program prints."""
    with tempfile.NamedTemporaryFile(suffix=".recording") as file:
        file.write(recording)
        file.flush()
        command = [_EMULATOR, "-M", core.machine, "-kernel", str(program)]
        command += ["-display", "none", "-monitor", "none", "-serial", "none"]
        command += ["-icount", "shift=0,sleep=off", "-chardev", "stdio,id=console"]
        command += ["-semihosting-config", "enable=on,target=native,chardev=console"]
        address = f"addr=0x{core.recording_address:x}"
        command += ["-device", f"loader,file={file.name},{address},force-raw=on"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
            )
        except FileNotFoundError:
            raise EmulatorError(f"{_EMULATOR} is not installed (Debian: qemu-system-arm)") from None
        except subprocess.TimeoutExpired:
            raise EmulatorError(f"no end after {_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-5:])
        raise EmulatorError(f"exit status {done.returncode}\n{last}\n{done.stderr}")
    return [line.split() for line in done.stdout.splitlines() if line]


def _results(group: Sequence[RecordedOperator], lines: list[list[str]]) -> list[Replayed]:
    measured: dict[int, tuple[int, int]] = {}
    faults: dict[int, str] = {}
    log = ""
    for kind, *words in lines:
        if kind == "log":
            log = " ".join(words)
        elif kind == "operator":
            index, instructions, stack = map(int, words)
            measured[index] = (instructions, stack)
        elif kind == "failed":
            faults[int(words[0])] = f"{words[1]} fails: {log}"
            log = ""
        elif kind == "differs":
            index, offset, expected, actual, count = map(int, words)
            faults[index] = (
                f"{count} bytes differ; the first one, {actual} instead of {expected}, "
                f"is in {tensor_at(group[index], offset)}"
            )
    if set(measured) | set(faults) != set(range(len(group))):
        raise EmulatorError(f"{len(measured)} results of {len(group)} operators")
    return [
        Replayed(*measured.get(index, (0, 0)), faults.get(index)) for index in range(len(group))
    ]
