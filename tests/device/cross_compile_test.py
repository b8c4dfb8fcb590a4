"""The firmware compiles for both boards, warnings as errors, and stays small."""

from __future__ import annotations

import re

import pytest

from examples.stm32f746.firmware import make
from examples.stm32f746.size_report import MCUNET_LIMIT, MCUNET_OPS
from tests.device.firmware import ROOT


@pytest.mark.parametrize("board", ["stm32f746", "mps2-an500"])
def test_everything_but_the_link(board: str) -> None:
    done = make(f"BOARD={board}", "TFLM_DIR=")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "warning" not in done.stderr
    rows = dict(re.findall(r"^(\S+) +(\d+) +(?:\d+|-)$", done.stdout, re.M))
    rooms = {f"kernels/{path.parent.name}" for path in ROOT.glob("kernels/*/*_op.cc")}
    assert {*rooms, "kernels/core", "tflm_training", "total"} == set(rows)
    assert int(rows["total"]) == sum(map(int, rows.values())) - int(rows["total"])
    needed = re.search(r"^what MCUNet needs: (\d+) bytes", done.stdout, re.M)
    assert needed is not None and 0 < int(needed[1]) < int(rows["total"])
    assert int(needed[1]) <= MCUNET_LIMIT


def test_mcunet_s_operators_exist() -> None:
    listed = (ROOT / "kernels" / "training_ops.inc").read_text()
    assert all(f"TFLM_TRAINING_OP({code})" in listed for code in MCUNET_OPS)


def test_an_unknown_board_is_named() -> None:
    done = make("BOARD=nucleo")
    assert done.returncode != 0
    assert "BOARD=nucleo: there are stm32f746, mps2-an500 and host" in done.stderr


def test_a_missing_model_is_named() -> None:
    done = make("MODEL=no_such.tflite")
    assert done.returncode != 0 and "no_such.tflite: no such file or folder" in done.stderr
