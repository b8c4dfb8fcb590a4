"""HARD_SWISH, LEAKY_RELU and LOGISTIC: y = f(x), so dL/dx = dL/dy * f'(x).

f' is a table of the 256 int8 values (ACTIVATION_GRAD), 512 bytes of flash. That of LOGISTIC,
y * (1 - y), is looked up with the output, which the MUL or the layer behind it keeps anyway, the
others with the input. Where y of those does not fit its int8 range, f' is 0. A LOGISTIC at the end
of a binary classifier is part of the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from converter.ir.activation import Clamp
from converter.ir.backward import Backward, Gradient, constant
from converter.ir.training_ops import ActivationGrad
from converter.model.graph import Operator, Tensor
from converter.rules.rule import BaseRule, Wanted

_LARGEST = 32767  # of the table
_INT8 = np.arange(-128, 128)


def _hard_swish(operator: Operator, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x * relu6(x + 3) / 6, and its derivative."""
    slope = np.where(x <= -3.0, 0.0, np.where(x >= 3.0, 1.0, (2.0 * x + 3.0) / 6.0))
    return x * np.clip(x + 3.0, 0.0, 6.0) / 6.0, slope


def _leaky_relu(operator: Operator, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slope = np.where(x > 0.0, 1.0, float(operator.options.alpha))
    return x * slope, slope


# The function and its derivative at an input.
_AT_INPUT: Mapping[str, Callable[[Operator, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
}


def _logistic_slope(y: np.ndarray) -> np.ndarray:
    return y * (1.0 - y)


# The derivative where the function has a value.
_AT_OUTPUT: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"LOGISTIC": _logistic_slope}


def _reals(tensor: Tensor) -> np.ndarray:
    """The real value of each int8 value, float64 [256]."""
    return tensor.scale * (_INT8 - tensor.zero_point).astype(np.float64)


def _slopes(operator: Operator, clamp: Clamp | None) -> np.ndarray:
    """The derivative for each int8 value of what is kept, float64 [256]."""
    source, output = operator.inputs[0], operator.output
    assert source is not None
    if operator.name in _AT_OUTPUT:
        return _AT_OUTPUT[operator.name](_reals(output))
    values, slopes = _AT_INPUT[operator.name](operator, _reals(source))
    quantized = np.round(values / output.scale) + output.zero_point
    passes = (quantized >= -128) & (quantized <= 127)
    if clamp is not None:
        passes &= (_INT8 > clamp.minimum) & (_INT8 < clamp.maximum)
    return np.where(passes, slopes, 0.0)


class ActivationRule(BaseRule):
    operators = (*_AT_INPUT, *_AT_OUTPUT)

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        keeps_input = operator.name in _AT_INPUT
        clamp = wanted.clamp if keeps_input else None
        slopes = _slopes(operator, clamp)
        unit = float(np.abs(slopes).max() or 1.0) / _LARGEST
        table = np.round(slopes / unit).astype(np.int16)
        return backward.emit_gradient(
            ActivationGrad(
                elements=wanted.tensor.elements,
                gradient_bits=wanted.gradient_bits,
                scale_factor=unit,
            ),
            [
                gradient.mantissa,
                gradient.scale,
                wanted.tensor if keeps_input else operator.output,
                constant(f"{operator.output.name}/derivative", table),
            ],
            wanted.tensor,
            suffix=f"_from_{operator.output.name}",
            masked=clamp is not None,
        )
