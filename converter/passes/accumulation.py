"""Adds up the gradients of several samples before the weights move.

Every update operator is aimed at variables of its own, where the steps of N samples are pending
with 1 / N of their size: for a filter a byte of value and one of fraction a weight, as 16-bit
weights have (converter.passes.fractions), for a bias an int32. APPLY_UPDATES, behind all of them,
adds what is pending to the weights at each N-th sample. The weights stand still in between,
so that N samples move them as one batch would.

The largest step bounds what is added, as it bounds the step of a batch; clamped one by one, shares
that cancel each other in the mean would not. A share is bounded by what its variable holds: 127 LSB
of a weight, and nothing that matters for a bias.
"""

from __future__ import annotations

import dataclasses
import numbers

import numpy as np

from converter.errors import ConverterError
from converter.ir.backward import Backward, constant, scaled
from converter.ir.bounds import INT32_MAX, MAX_WEIGHT
from converter.ir.training_ops import (
    FILTER_UPDATES,
    FRACTION,
    ApplyUpdates,
    BiasUpdate,
    ConvFilterUpdate,
)
from converter.model.graph import Operator, Quantization, Tensor
from converter.rules.convolution import LARGEST_STEP

# The shares of so many samples are rounded, at random and to 1 / FRACTION of an LSB, with an
# error that adds up to half an LSB of a weight: what one step of an int8 weight has.
MAX_SAMPLES = 65536
COUNT_NAME = "accumulated_samples"

_UPDATES: tuple[type[ConvFilterUpdate | BiasUpdate], ...] = (*FILTER_UPDATES, BiasUpdate)
_RECORDS = {record.CUSTOM_CODE: record for record in _UPDATES}
_FRACTION_INPUT = 7


@dataclasses.dataclass
class _Pending:
    """What is pending for one trained tensor. clamp, limit: as in APPLY_UPDATES."""

    parameter: Tensor
    value: Tensor
    fraction: Tensor | None
    clamp: int
    limit: int


def check_samples(samples: int) -> None:
    """Raise ConverterError for what is no number of samples."""
    is_whole = isinstance(samples, numbers.Integral) and not isinstance(samples, bool)
    if not is_whole or not 1 <= samples <= MAX_SAMPLES:
        raise ConverterError(
            f"--accumulate {samples}: must be a whole number of samples in 1..{MAX_SAMPLES}"
        )


def accumulate(
    backward: Backward, samples: int, label: Tensor, num_classes: int | None
) -> list[Tensor]:
    """Let every update add up `samples` samples. label, num_classes: what tells training from
    inference; None for a target, which cannot. Returns the new variables."""
    found: dict[int, _Pending] = {}
    for operator in backward.operators:
        if operator.name in _RECORDS:
            _redirect(operator, _RECORDS[operator.name], samples, found)
    pending = list(found.values())
    count = _variable(COUNT_NAME, (1,), np.dtype(np.int32))
    bounds = np.array([[p.clamp, p.limit] for p in pending], np.int32)
    backward.emit(
        ApplyUpdates(samples=samples, classes=num_classes or 0),
        [
            None if num_classes is None else label,
            backward.learning_rate,
            count,
            constant("accumulated_bounds", bounds),
            *(tensor for p in pending for tensor in (p.parameter, p.value, p.fraction)),
        ],
    )
    variables = (tensor for p in pending for tensor in (p.value, p.fraction))
    return [*(tensor for tensor in variables if tensor is not None), count]


def _redirect(
    operator: Operator,
    record: type[ConvFilterUpdate | BiasUpdate],
    samples: int,
    found: dict[int, _Pending],
) -> None:
    """Let an update operator write to what is pending in place of its filter or bias."""
    assert operator.custom_options is not None
    options = record.unpack(operator.custom_options)
    is_filter = not isinstance(options, BiasUpdate)
    place = 3 if is_filter else 2
    parameter, scale = operator.inputs[place], operator.inputs[place + 2]
    assert parameter is not None and scale is not None
    operator.inputs[place + 2] = scaled(scale, (FRACTION if is_filter else 1) / samples)
    if id(parameter) not in found:
        limit = options.limit if isinstance(options, BiasUpdate) else MAX_WEIGHT
        found[id(parameter)] = _new_pending(parameter, limit)
    pending = found[id(parameter)]
    # Layers that share a filter each add a step to it.
    pending.clamp = min(LARGEST_STEP, pending.clamp + options.clamp)
    operator.inputs[place] = pending.value
    if is_filter:
        operator.inputs[_FRACTION_INPUT] = pending.fraction
    clamp = LARGEST_STEP if is_filter else INT32_MAX
    operator.custom_options = dataclasses.replace(options, clamp=clamp).pack()


def _new_pending(parameter: Tensor, limit: int) -> _Pending:
    name, shape, dtype = f"{parameter.name}/pending", parameter.shape, parameter.dtype
    value = _variable(name, shape, dtype)
    fraction = _variable(f"{name}_fraction", shape, dtype) if dtype == np.int8 else None
    return _Pending(parameter, value, fraction, 0, limit)


def _variable(name: str, shape: tuple[int, ...], dtype: np.dtype) -> Tensor:
    # Without quantisation parameters a variable can crash TFLM's Reset().
    return Tensor(name, shape, dtype, Quantization.per_tensor(1.0, 0), is_variable=True)
