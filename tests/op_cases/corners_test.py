"""Every training operator has cases in every corner that it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from converter.ir.training_ops import (
    TRAINING_OPS,
    ApplyUpdates,
    BiasUpdate,
    ConvFilterUpdate,
    GradientAdd,
    InitializeVariables,
    MeanSquaredError,
    Options,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    TrainingConv,
)
from converter.rules import RULES
from tests.op_cases.models import OP_MODELS
from tests.op_cases.steps import cases_of
from tests.op_cases.table import operator_cases
from tests.parity.case import Case


def _fields(case: Case, *names: str) -> list[int]:
    values = dataclasses.asdict(case.options)  # type: ignore[call-overload]
    return [value for name, value in values.items() if any(n in name for n in names)]


def _ratio(case: Case) -> float:
    """The scale by which the operator brings its integers to those of its result."""
    o, inputs = case.options, case.inputs
    if isinstance(o, TrainingConv):
        return float((inputs[3] * 2.0 ** (inputs[4].astype(np.float64) - 31)).flat[0])
    if isinstance(o, (ConvFilterUpdate, BiasUpdate)):
        return float(inputs[4 if isinstance(o, BiasUpdate) else 5].flat[0])
    if isinstance(o, MeanSquaredError):
        return o.gradient_scale
    if isinstance(o, SoftmaxCrossEntropy):
        return max(o.logit_scale_q16, 1e-9) / 65536  # less than one unit is none
    if isinstance(o, GradientAdd):
        return float(inputs[3][0]) / float(inputs[1][0] or 1)
    if hasattr(o, "scale_factor"):
        return float(o.scale_factor)
    return float(inputs[1][0])  # it keeps that of the gradient


def _is_1x1(case: Case) -> bool:
    if hasattr(case.options, "input_height"):
        return _fields(case, "input_height", "input_width") == [1, 1]
    array = next(a for a in (*case.inputs, None) if a is not None)
    return array.size == array.shape[-1]


def _channels(case: Case) -> int:
    if hasattr(case.options, "output_channels"):
        return int(case.options.output_channels)
    arrays = [a for a in case.inputs if a is not None and a.ndim > 1]
    return int(arrays[0].shape[-1]) if arrays else 1


def _has_gradient_of(dtype: type) -> Callable[[Case], bool]:
    def has(case: Case) -> bool:
        outputs = [d for _, d in case.outputs]
        inputs = [a.dtype for a in case.inputs if a is not None and a.ndim > 0]
        scales = [a for a in case.inputs if a is not None and a.shape == (2,)]
        return dtype in outputs or (bool(scales) and dtype in inputs)

    return has


def _has_no_gradient(case: Case) -> bool:
    scales = [a for a in case.inputs if a is not None and a.dtype == np.float32 and a.shape == (2,)]
    return bool(scales) and scales[0][1] == 0


_CORNERS: dict[str, Callable[[Case], bool]] = {
    "zero point -128": lambda case: -128 in _fields(case, "zero_point"),
    "zero point 127": lambda case: 127 in _fields(case, "zero_point"),
    "stride": lambda case: max(_fields(case, "stride")) > 1,
    "strides that differ": lambda case: len(set(_fields(case, "stride"))) == 2,
    "dilation": lambda case: max(_fields(case, "dilation")) > 1,
    "padding": lambda case: max(_fields(case, "padding")) > 0,
    "no padding": lambda case: max(_fields(case, "padding")) == 0,
    "1x1 map": _is_1x1,
    "channels no multiple of 4": lambda case: _channels(case) % 4 != 0,
    "channels a multiple of 4": lambda case: _channels(case) % 4 == 0,
    "scale of 1e-6": lambda case: 0 < _ratio(case) <= 1e-6,
    "scale of 1e6": lambda case: _ratio(case) >= 1e6,
    "int8 gradient": _has_gradient_of(np.int8),
    "int16 gradient": _has_gradient_of(np.int16),
    "no gradient": _has_no_gradient,
}
_LOSSES = (SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError)


def _corners_of(op: type[Options]) -> list[str]:
    """Those that the operator can come to."""
    names = set(op.__dataclass_fields__)
    corners = list(_CORNERS)
    for word in ("zero_point", "stride", "dilation", "padding"):
        if not any(word in name for name in names):
            corners = [c for c in corners if word.replace("_", " ") not in c]
    if issubclass(op, TrainingConv):
        corners = [c for c in corners if not c.endswith("gradient")]
    if op in _LOSSES:
        corners.remove("no gradient")
    if op is SoftmaxCrossEntropy:  # find_head refuses more than 32767
        corners.remove("scale of 1e6")
    if op is SigmoidCrossEntropy:  # one logit, and a table in place of its scale
        corners = [c for c in corners if not c.startswith(("scale", "channels a"))]
    if op is InitializeVariables:
        return ["1x1 map", "channels no multiple of 4", "channels a multiple of 4"]
    if op is ApplyUpdates:  # it knows elements only
        return ["1x1 map"]
    return corners


@pytest.mark.parametrize("op", TRAINING_OPS, ids=lambda op: op.CUSTOM_CODE)
def test_every_corner_has_a_case(op: type[Options]) -> None:
    cases = operator_cases(op)
    assert len(cases) >= 50
    missing = [c for c in _corners_of(op) if not any(_CORNERS[c](case) for case in cases)]
    assert missing == []


def test_every_operator_but_those_of_variables_is_in_a_model() -> None:
    found = {type(case.options) for model in OP_MODELS for case in cases_of(model)}
    assert set(TRAINING_OPS) - found == {InitializeVariables, ApplyUpdates}


def test_every_rule_has_a_model() -> None:
    named = {model.operator for model in OP_MODELS}
    assert [rule.operators for rule in RULES if not named & set(rule.operators)] == []


def test_batch_is_1() -> None:
    for model in OP_MODELS[::7]:
        for case in cases_of(model):
            maps = [a for a in case.inputs if a is not None and a.ndim == 4 and a.dtype == np.int16]
            assert all(array.shape[0] == 1 for array in maps)
