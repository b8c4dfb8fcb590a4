"""Cases as the proof sees them at conversion."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import BiasUpdate, ConvFilterUpdate, TrainingConv
from converter.model.graph import Operator, Tensor
from converter.proof.facts import Facts
from tests.parity.case import Case

_GRADIENTS = {"GRADIENT_ADD": (0, 2), "BIAS_UPDATE": (0,)}


def operator_of(case: Case) -> Operator:
    """The case as an operator of a graph; filters, tables and biases are constants."""
    inputs = [
        None if a is None else Tensor(f"input_{i}", a.shape, a.dtype, data=a)
        for i, a in enumerate(case.inputs)
    ]
    outputs = [
        Tensor(f"output_{i}", shape, np.dtype(dtype))
        for i, (shape, dtype) in enumerate(case.outputs)
    ]
    record = case.options
    return Operator(
        record.CUSTOM_CODE, inputs, outputs, custom_options=record.pack(), is_custom=True
    )


def facts_of(case: Case, trained: bool = False) -> Facts:
    """Of the case; with `trained` its bias is in training, its largest value being the limit."""
    operator = operator_of(case)
    if isinstance(case.options, TrainingConv):
        return Facts(operator, case.options, updates=(_bias_update(case),) if trained else ())
    places = _GRADIENTS.get(operator.name, (0,))
    if isinstance(case.options, ConvFilterUpdate):
        places = (1,)
    arrays = [case.inputs[i] for i in places]
    mantissas = tuple(
        int(np.abs(a.astype(np.int64)).max())
        for a in arrays
        if a is not None and a.dtype in (np.int8, np.int16)
    )
    return Facts(operator, case.options, mantissas)


def _bias_update(case: Case) -> Operator:
    bias = case.inputs[2]
    assert bias is not None
    limit = int(np.abs(bias).max())
    options = BiasUpdate(positions=1, channels=bias.size, clamp=127, limit=limit)
    ones = np.ones(1, np.float32)
    scale = Tensor("update_scale", (1,), ones.dtype, data=ones)
    return Operator(
        options.CUSTOM_CODE,
        [None, None, None, None, scale, None],
        [],
        custom_options=options.pack(),
        is_custom=True,
    )
