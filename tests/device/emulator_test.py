"""The protocol end to end on an emulated Cortex-M7, linked with a TFLM tree: TFLM_DIR=...

TFLM_LIB and TFLM_INCLUDE go to the example's makefile as they are (examples/stm32f746/README.md).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from examples.stm32f746.firmware import emulated, make
from tests.device.training_test import assert_equal_training, assert_goes_on_after_a_restart


def test_training_on_an_emulated_cortex_m7(
    digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    done = make("BOARD=mps2-an500", f"BUILD={tmp_path}", f"MODEL={digits_model}")
    assert done.returncode == 0, done.stderr[-4000:]
    x, y = digits["x_train"][:60], digits["y_train"][:60]
    with (
        emulated(tmp_path / "mps2-an500" / "firmware.elf") as url,
        assert_equal_training(url, digits_model, x, y, tmp_path) as device,
    ):
        info = device.refresh()
        assert device.retries == 0
        assert info.arena_used_bytes <= 14 * 1024
        assert 0 < info.stack_used_bytes <= info.stack_bytes // 2
        # The emulated clock counts instructions: equal work takes equal time, within a tick and
        # the interrupt of the millisecond.
        ticks = [device.step(bytes(64), 3, 0.0).ticks for _ in range(3)]
        assert 1000 < min(ticks) and max(ticks) - min(ticks) <= 5
    firmware = tmp_path / "mps2-an500" / "firmware.elf"
    assert_goes_on_after_a_restart(lambda: emulated(firmware), digits_model, x, y)


def test_the_stm32_firmware_fits(digits_model: Path, tmp_path: Path) -> None:
    done = make(f"BUILD={tmp_path}", f"MODEL={digits_model}")
    assert done.returncode == 0, done.stderr[-4000:]
    used = dict(
        re.findall(r"^ +(FLASH|RAM|ARENA): +\d+ \w+ +\d+ \w+ +([\d.]+)%", done.stdout, re.M)
    )
    assert set(used) == {"FLASH", "RAM", "ARENA"}
    assert all(float(percent) <= 100 for percent in used.values())
