"""Every training operator on an emulated Cortex-M equals its NumPy twin, bit for bit."""

from __future__ import annotations

import functools

import pytest

from converter.ir.options import Options
from converter.ir.training_ops import TRAINING_OPS
from tests.cortex_m.cores import for_each_build
from tests.cortex_m.parity_operators import recorded
from tests.op_cases.table import operator_cases
from tools.cortex_m.build import Core, build
from tools.cortex_m.emulator import Replayed, replay
from tools.cortex_m.recording import RecordedOperator

# What an operator may take of the stack below its caller.
_STACK_BYTES = 4096


@functools.cache
def operators() -> tuple[RecordedOperator, ...]:
    """The very cases of tests/parity, of all operators."""
    return tuple(recorded(case) for op in TRAINING_OPS for case in operator_cases(op))


@functools.cache
def results(core: Core, reference: bool) -> dict[str, list[Replayed]]:
    """The results of each operator, all from one batch."""
    run = replay(build(core, reference), core, operators())
    found: dict[str, list[Replayed]] = {op.CUSTOM_CODE: [] for op in TRAINING_OPS}
    for operator, result in zip(operators(), run.operators, strict=True):
        found[operator.custom_code].append(result)
    return found


@pytest.mark.parametrize("op", TRAINING_OPS, ids=lambda op: op.CUSTOM_CODE)
@for_each_build
def test_operator_equals_twin(core: Core, reference: bool, op: type[Options]) -> None:
    replayed = results(core, reference)[op.CUSTOM_CODE]
    faults = [f"case {i}: {r.fault}" for i, r in enumerate(replayed, start=1) if r.fault]
    assert not faults, f"{len(faults)} of {len(replayed)} cases:\n" + "\n".join(faults[:5])
    assert len(replayed) >= 20
    assert max(r.stack_bytes for r in replayed) <= _STACK_BYTES
