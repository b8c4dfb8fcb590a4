"""The protocol end to end on an emulated Cortex-M7, linked with a TFLM tree: TFLM_DIR=...

TFLM_LIB and TFLM_INCLUDE go to the example's makefile as they are (examples/stm32f746/README.md).
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.device.firmware import make
from tests.device.training_test import assert_equal_training


@contextlib.contextmanager
def _emulated(firmware: Path) -> Iterator[str]:
    """The port of a board that runs the firmware."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    line = f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"
    command = ["qemu-system-arm", "-M", "mps2-an500", "-display", "none", "-monitor", "none"]
    process = subprocess.Popen([*command, "-serial", line, "-kernel", str(firmware)])
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_training_on_an_emulated_cortex_m7(
    digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    done = make("BOARD=mps2-an500", f"BUILD={tmp_path}", f"MODEL={digits_model}")
    assert done.returncode == 0, done.stderr[-4000:]
    x, y = digits["x_train"][:60], digits["y_train"][:60]
    with (
        _emulated(tmp_path / "mps2-an500" / "firmware.elf") as url,
        assert_equal_training(url, digits_model, x, y, tmp_path) as device,
    ):
        info = device.refresh()
        assert device.retries == 0
        assert info.arena_used_bytes <= 14 * 1024
        assert 0 < info.stack_used_bytes <= info.stack_bytes // 2


def test_the_stm32_firmware_fits(digits_model: Path, tmp_path: Path) -> None:
    done = make(f"BUILD={tmp_path}", f"MODEL={digits_model}")
    assert done.returncode == 0, done.stderr[-4000:]
    used = dict(
        re.findall(r"^ +(FLASH|RAM|ARENA): +\d+ \w+ +\d+ \w+ +([\d.]+)%", done.stdout, re.M)
    )
    assert set(used) == {"FLASH", "RAM", "ARENA"}
    assert all(float(percent) <= 100 for percent in used.values())
