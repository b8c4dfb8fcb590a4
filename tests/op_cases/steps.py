"""The models of the table as training steps, and every training operator in them as a case."""

from __future__ import annotations

import functools

import numpy as np

from benchmarks.determinism.twin_net import TWINS
from converter.ir.training_ops import (
    TRAINING_OPS,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from converter.model import Operator
from converter.passes.training_graph import (
    Lowering,
    Source,
    build_training_graph,
    prepare,
)
from converter.search.scheme import parse_scheme
from tests.gradcheck.step import Step, train_one
from tests.op_cases.models import OpModel
from tests.parity.case import Case

_RECORDS = {op.CUSTOM_CODE: op for op in TRAINING_OPS}
_LOSSES = (SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError)


@functools.cache
def source_of(model: OpModel) -> Source:
    return Source(model.build(), f"{model.operator}: {model.name}", model.loss)


@functools.cache
def step_of(model: OpModel, gradient_bits: int = 16) -> Step:
    """All layers trained, all convolutions lowered."""
    source = source_of(model)
    scheme = parse_scheme("all", prepare(source).layers)
    lowering = Lowering(whole=True, gradient_bits=gradient_bits)
    return train_one(build_training_graph(source, scheme, lowering), seed=1)


@functools.cache
def cases_of(model: OpModel) -> tuple[Case, ...]:
    """The training operators of its step, with what each found in TFLM. Variables follow the
    twins from operator to operator."""
    step = step_of(model)
    variables = {
        id(t): step.before[id(t)] for t in step.training.model.graph.tensors() if t.is_variable
    }
    _, *operators = step.training.model.graph.operators  # behind INITIALIZE_VARIABLES
    cases = []
    for operator in operators:
        if not operator.is_custom:
            continue
        case = _case(operator, step, variables)
        cases.append(case)
        for i, result in zip(case.written, case.expected()[len(case.outputs) :], strict=True):
            variables[id(operator.inputs[i])] = result
    return tuple(cases)


def _case(operator: Operator, step: Step, variables: dict[int, np.ndarray]) -> Case:
    record = _RECORDS[operator.name]
    assert operator.custom_options is not None
    twin = TWINS[record]
    if record in _LOSSES:
        twin = functools.partial(twin, dtype=operator.outputs[1].dtype)
    inputs = [
        None if t is None else variables.get(id(t), step.after[id(t)]).reshape(t.shape)
        for t in operator.inputs
    ]
    return Case(
        options=record.unpack(operator.custom_options),
        inputs=inputs,
        outputs=[(t.shape, t.dtype.type) for t in operator.outputs],
        twin=twin,
        written=[i for i, t in enumerate(operator.inputs) if t is not None and t.is_variable]
        if not operator.outputs
        else (),
        constant=[i for i, t in enumerate(operator.inputs) if t is not None and t.is_constant],
    )
