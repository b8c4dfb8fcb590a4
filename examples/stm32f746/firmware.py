"""Builds the firmware and runs it in QEMU."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_QEMU = "qemu-system-arm"
# One instruction takes one nanosecond of the emulated clock, which does not wait for ours.
_CLOCK = ("-icount", "shift=0,sleep=off")
_START_SECONDS = 10


class EmulatorError(RuntimeError):
    """QEMU is missing or does not start. The message is one line."""


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in this folder with this interpreter; arguments such as BOARD=mps2-an500."""
    jobs = f"-j{os.cpu_count() or 1}"
    command = ["make", jobs, "-C", str(_HERE), f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def emulated(firmware: Path) -> Iterator[str]:
    """The port of an MPS2 AN500 that runs the .elf, as `tflm_training.device.Device` takes it.

    A tick of its counter is 40 instructions. Raises EmulatorError.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    line = f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"
    command = [_QEMU, "-M", "mps2-an500", "-display", "none", "-monitor", "none", *_CLOCK]
    try:
        process = subprocess.Popen([*command, "-serial", line, "-kernel", str(firmware)])
    except FileNotFoundError:
        raise EmulatorError(f"{_QEMU} is not installed (Debian: qemu-system-arm)") from None
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorError(f"{_QEMU} does not start with {firmware}")
            time.sleep(0.05)
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
