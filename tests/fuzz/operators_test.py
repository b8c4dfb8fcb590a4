"""Whatever a model says of an operator: an error of Prepare, or an Eval within its tensors."""

from __future__ import annotations

import pytest

from converter.ir.training_ops import TRAINING_OPS
from tests.fuzz.operators import run

_VARIANTS = 300  # of each of six cases of every operator


@pytest.mark.parametrize("dsp", [False, True], ids=["plain", "dsp"])
def test_hostile_operators_under_sanitizers(dsp: bool) -> None:
    counts = run(_VARIANTS, seed=1, dsp=dsp)
    assert list(counts) == [op.CUSTOM_CODE for op in TRAINING_OPS]
    # Neither is everything refused, nor does everything pass.
    assert all(refused and ran for refused, ran in counts.values())
