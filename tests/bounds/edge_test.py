"""Integers at the most that their bounds allow, and one past it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from converter.errors import NoGradientError
from converter.ir.options import Options
from converter.ir.training_ops import (
    TRAINING_OPS,
    AveragePool2DGrad,
    BiasUpdate,
    Conv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    MaxPool2DGrad,
    MeanSquaredError,
    TrainingDepthwiseConv2D,
)
from converter.model.graph import Operator, Tensor
from converter.proof import BOUNDS, Bound, bounds_of, check_bounds
from converter.proof.facts import Facts
from tests.bounds.cases import depthwise_input_grad
from tests.bounds.edges import EDGES, Edge
from tests.bounds.facts import facts_of
from tests.cortex_m.cores import for_each_build
from tests.cortex_m.parity_operators import recorded
from tests.parity.case import Case
from tests.parity.one_op_model import OneOp
from tests.parity.test_parity import bits
from tools.cortex_m.build import Core, build
from tools.cortex_m.emulator import Replayed, replay

_IDS = [f"{i}-{edge.operator.CUSTOM_CODE}-{edge.bound}" for i, edge in enumerate(EDGES)]
for_each_edge = pytest.mark.parametrize("edge", EDGES, ids=_IDS)
# Bounds whose edge takes more memory than there is: the options alone are at the edge.
_EXTENTS = ("_height", "_width", "_top", "_left")
_TOO_LARGE = ("bytes of a tensor", "total over the multiplier", "sum of squares")


def bound_of(edge: Edge) -> Bound:
    (bound,) = (b for b in bounds_of(edge.operator) if b.name == edge.bound)
    return bound


@functools.cache
def case_at(edge: Edge) -> Case:
    return edge.make(edge.edge)


@for_each_edge
def test_the_integer_reaches_what_is_proven(edge: Edge) -> None:
    bound, case = bound_of(edge), case_at(edge)
    facts = facts_of(case, edge.trained)
    worst = bound.worst(facts)
    assert worst * edge.share <= edge.reached(case) <= worst <= bound.limit
    if not edge.past:
        return
    past = facts_of(edge.make(edge.edge + 1), edge.trained)
    assert bound.worst(past) > bound.limit
    with pytest.raises(NoGradientError, match=f"{edge.bound} could reach .*; freeze the layer"):
        check_bounds(past)


@for_each_edge
def test_host_equals_twin(edge: Edge) -> None:
    case = case_at(edge)
    for want, got in zip(case.expected(), OneOp(case).invoke(), strict=True):
        np.testing.assert_array_equal(bits(want), bits(got))


@functools.cache
def replayed(core: Core, reference: bool) -> list[Replayed]:
    operators = [recorded(case_at(edge)) for edge in EDGES]
    return replay(build(core, reference), core, operators).operators


@for_each_build
def test_cortex_m_equals_twin(core: Core, reference: bool) -> None:
    faults = zip(_IDS, (result.fault for result in replayed(core, reference)), strict=True)
    assert {name: fault for name, fault in faults if fault} == {}


def test_every_bound_has_an_edge() -> None:
    have = {(edge.operator, edge.bound) for edge in EDGES}
    # The same code with other options: the wide window of TRAINING_DEPTHWISE_CONV_2D has no room
    # for a bias beside it, which `bias_limit` of one formula gives both.
    shared = {(TrainingDepthwiseConv2D, "accumulator")}
    shared |= {(op, "product of a step") for op in TRAINING_OPS}
    # Poolings have a test of their own for the numbers; their windows are the longest as it is.
    shared |= {
        (op, "extent, stride, dilation or padding") for op in (AveragePool2DGrad, MaxPool2DGrad)
    }
    missing = {
        (operator.CUSTOM_CODE, bound.name)
        for bound in BOUNDS
        for operator in bound.operators
        if (operator, bound.name) not in have | shared and bound.name not in _TOO_LARGE
    }
    assert missing == set()


def _refused(facts: Facts, name: str) -> bool:
    try:
        check_bounds(facts)
    except NoGradientError as error:
        assert f": {name} could reach" in str(error)
        return True
    return False


@for_each_edge
def test_tensors_of_2_gib_are_refused(edge: Edge) -> None:
    facts = facts_of(case_at(edge), edge.trained)

    def with_output(size: int) -> Facts:
        tensor = Tensor("large", (size,), np.dtype(np.int16))
        operator: Operator = dataclasses.replace(facts.operator, outputs=[tensor])
        return dataclasses.replace(facts, operator=operator)

    assert not _refused(with_output(2**30 - 1), "bytes of a tensor")
    assert _refused(with_output(2**30), "bytes of a tensor")


@pytest.mark.parametrize(
    ("options", "name", "factor"),
    [
        (BiasUpdate(1, 1, 127, 127), "positions", 1),
        (Conv2DFilterUpdate(*[1] * 17), "output_width", 255),
    ],
)
def test_products_of_a_step_have_room_in_int64(options: Options, name: str, factor: int) -> None:
    (bound,) = (b for b in BOUNDS if b.name == "product of a step")

    def worst(extent: int) -> int:
        """With mantissas of 1."""
        changed = dataclasses.replace(options, **{name: extent})
        return bound.worst(Facts(Operator(options.CUSTOM_CODE, [], []), changed, (1,)))

    most = (2**63 - 1 - 2**31) // (2**31 * factor)
    assert worst(most) <= bound.limit < worst(most + 1)


def test_depth_multipliers_have_room_in_int64() -> None:
    facts = facts_of(depthwise_input_grad(1))
    most = 2**62 // (127 * 32767 * 32768)

    def of(multiplier: int) -> Facts:
        options = dataclasses.replace(facts.options, input_channels=1, output_channels=multiplier)
        return dataclasses.replace(facts, options=options)

    assert isinstance(facts.options, DepthwiseConv2DInputGrad)
    assert not _refused(of(most), "total over the multiplier")
    assert _refused(of(most + 1), "total over the multiplier")


def test_squares_have_room_in_int64() -> None:
    operator = Operator("MEAN_SQUARED_ERROR", [], [Tensor("loss", (1,), np.dtype(np.float32))])

    def of(elements: int) -> Facts:
        return Facts(operator, MeanSquaredError(elements, 1.0, 1.0))

    assert not _refused(of((2**63 - 1) // 255**2), "sum of squares")
    assert _refused(of((2**63 - 1) // 255**2 + 1), "sum of squares")


_WINDOWED = {e.operator: e for e in EDGES if "filter_height" in e.operator.__dataclass_fields__}


@pytest.mark.parametrize("edge", _WINDOWED.values(), ids=lambda e: e.operator.CUSTOM_CODE)
def test_extents_are_limited(edge: Edge) -> None:
    facts = facts_of(edge.make(3), edge.trained)
    (bound,) = (b for b in bounds_of(edge.operator) if b.name.startswith("extent"))
    names = [n for n in edge.operator.__dataclass_fields__ if n.endswith(_EXTENTS)]
    assert len(names) >= 10
    for name in names:
        for value, is_past in ((32767, False), (32768, True)):
            options = dataclasses.replace(facts.options, **{name: value})
            changed = dataclasses.replace(facts, options=options)
            assert (bound.worst(changed) > bound.limit) == is_past
