"""The dequantised model in TensorFlow, to check gradients against tf.GradientTape.

Each operator is computed in float32 on real values, then moved to the real value of the int8
result that TFLM has computed (a straight-through estimator). So the tape differentiates at
the very point at which the training flatbuffer does, and what differs is only how gradients
are quantised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from converter.ir.activation import clamp_of
from converter.model.graph import Operator, Tensor
from converter.rules import rule_of

Values = dict[str, np.ndarray]
"""Name of a tensor -> its int8 content after an Invoke()."""


def dequantize(tensor: Tensor, quantized: np.ndarray) -> np.ndarray:
    assert tensor.quantization is not None
    scale, zero_point = tensor.quantization.scale, tensor.quantization.zero_point
    if scale.size > 1:
        shape = [1] * len(tensor.shape)
        shape[tensor.quantization.quantized_dimension] = -1
        scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    real = (quantized.astype(np.float64) - zero_point) * scale
    return real.reshape(tensor.shape).astype(np.float32)


def _dilate(weights: tf.Tensor, rates: tuple[int, int]) -> tf.Tensor:
    """[KH, KW, I, O] with zeros between the taps (TensorFlow has no dilated backprop on CPU)."""

    def spread(taps: int, rate: int) -> np.ndarray:
        matrix = np.zeros(((taps - 1) * rate + 1, taps), np.float32)
        matrix[np.arange(taps) * rate, np.arange(taps)] = 1.0
        return matrix

    height, width = (spread(k, r) for k, r in zip(weights.shape[:2], rates, strict=True))
    return tf.einsum("ak,bl,klio->abio", height, width, weights)


def _padding(options: object) -> str:
    return "SAME" if options.padding == 0 else "VALID"  # type: ignore[attr-defined]


def _conv_2d(op: Operator, x: tf.Tensor, w: tf.Tensor, b: tf.Tensor | None) -> tf.Tensor:
    options = op.options
    kernel = _dilate(
        tf.transpose(w, [1, 2, 3, 0]), (options.dilationHFactor, options.dilationWFactor)
    )
    y = tf.nn.conv2d(x, kernel, (options.strideH, options.strideW), _padding(options))
    return y if b is None else y + b


def _depthwise(op: Operator, x: tf.Tensor, w: tf.Tensor, b: tf.Tensor | None) -> tf.Tensor:
    options = op.options
    height, width, channels = w.shape[1], w.shape[2], x.shape[3]
    kernel = _dilate(
        tf.reshape(w, (height, width, channels, -1)),
        (options.dilationHFactor, options.dilationWFactor),
    )
    strides = (1, options.strideH, options.strideW, 1)
    y = tf.nn.depthwise_conv2d(x, kernel, strides, _padding(options))
    return y if b is None else y + b


def _transpose_conv(
    op: Operator, w: tf.Tensor, x: tf.Tensor, b: tf.Tensor | None = None
) -> tf.Tensor:
    strides = (op.options.strideH, op.options.strideW)
    kernel = tf.transpose(w, [1, 2, 0, 3])
    y = tf.nn.conv2d_transpose(x, kernel, op.output.shape, strides, _padding(op.options))
    return y if b is None else y + b


def _fully_connected(op: Operator, x: tf.Tensor, w: tf.Tensor, b: tf.Tensor | None) -> tf.Tensor:
    y = tf.matmul(tf.reshape(x, (-1, w.shape[1])), w, transpose_b=True)
    return y if b is None else y + b


def _pool(kind: str) -> Callable[..., tf.Tensor]:
    def pool(op: Operator, x: tf.Tensor) -> tf.Tensor:
        options = op.options
        function = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
        return function(
            x,
            (options.filterHeight, options.filterWidth),
            (options.strideH, options.strideW),
            _padding(options),
        )

    return pool


def _mean(op: Operator, x: tf.Tensor) -> tf.Tensor:
    assert op.inputs[1] is not None and op.inputs[1].data is not None
    return tf.reduce_mean(x, axis=[int(a) for a in op.inputs[1].data.reshape(-1)])


def _pad(op: Operator, x: tf.Tensor) -> tf.Tensor:
    assert op.inputs[1] is not None and op.inputs[1].data is not None
    return tf.pad(x, op.inputs[1].data)


def _same(op: Operator, x: tf.Tensor) -> tf.Tensor:
    return x


def _add(op: Operator, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return a + b


def _subtract(op: Operator, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return a - b


def _multiply(op: Operator, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return a * b


def _within_int8(op: Operator, y: tf.Tensor) -> tf.Tensor:
    """y; without a gradient where it does not fit the int8 range of the output."""
    q = tf.round(y / op.output.scale) + op.output.zero_point
    return tf.where((q >= -128) & (q <= 127), y, tf.stop_gradient(y))


def _hard_swish(op: Operator, x: tf.Tensor) -> tf.Tensor:
    return _within_int8(op, x * tf.nn.relu6(x + 3.0) / 6.0)


def _leaky_relu(op: Operator, x: tf.Tensor) -> tf.Tensor:
    return _within_int8(op, tf.nn.leaky_relu(x, op.options.alpha))


def _logistic(op: Operator, x: tf.Tensor) -> tf.Tensor:
    return tf.sigmoid(x)


def _concatenation(op: Operator, *xs: tf.Tensor) -> tf.Tensor:
    return tf.concat(xs, op.options.axis)


_OPERATORS: dict[str, Callable[..., tf.Tensor]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _pool("average"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "EXPAND_DIMS": _same,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _logistic,
    "MAX_POOL_2D": _pool("max"),
    "MEAN": _mean,
    "MUL": _multiply,
    "PAD": _pad,
    "QUANTIZE": _same,
    "RELU": _same,
    "RELU6": _same,
    "RESHAPE": _same,
    "SQUEEZE": _same,
    "SUB": _subtract,
    "TRANSPOSE_CONV": _transpose_conv,
}
# Those that are not shapes or axes, where there are others.
_REAL_ARGUMENTS = {
    **dict.fromkeys(("EXPAND_DIMS", "MEAN", "PAD", "RESHAPE"), slice(1)),
    "TRANSPOSE_CONV": slice(1, None),
}


class FloatReference:
    """Runs `operators` (the forward part up to the logits) under a gradient tape."""

    def __init__(self, operators: list[Operator], values: Values) -> None:
        self._operators = operators
        self._values = values
        self.nodes: dict[str, tf.Tensor] = {}
        """Name of a tensor -> its float node: parameters, and outputs before the activation."""

    def run(self, tape: tf.GradientTape, result: Tensor) -> tf.Tensor:
        """The real value of `result`."""
        reals: dict[str, tf.Tensor] = {}

        def real(tensor: Tensor | None) -> tf.Tensor | None:
            if tensor is None:
                return None
            if tensor.name not in reals:
                node = tf.constant(dequantize(tensor, self._values[tensor.name]))
                tape.watch(node)
                reals[tensor.name] = self.nodes[tensor.name] = node
            return reals[tensor.name]

        for op in self._operators:
            arguments = [real(t) for t in op.inputs[_REAL_ARGUMENTS.get(op.name, slice(None))]]
            computed = tf.reshape(_OPERATORS[op.name](op, *arguments), op.output.shape)
            node = computed
            if op.output.name in self._values:  # a folded PAD leaves no trace, and is exact
                actual = dequantize(op.output, self._values[op.output.name])
                if op.name == "LOGISTIC":  # f' is that of the value that TFLM keeps
                    computed = actual * (1.0 - actual) * arguments[0]
                # The difference is 0 exactly, however far the int8 value is saturated.
                node = actual + (computed - tf.stop_gradient(computed))
            tape.watch(node)
            self.nodes[op.output.name] = node
            reals[op.output.name] = self._activate(op, node)
        return reals[result.name]

    def _activate(self, op: Operator, node: tf.Tensor) -> tf.Tensor:
        rule = rule_of(op.name)
        assert rule is not None
        clamp = clamp_of(op.output, rule.output_clamp(op))
        if clamp is None:
            return node
        q = self._values[op.output.name].reshape(op.output.shape)
        passes = (q > clamp.minimum) & (q < clamp.maximum)
        return tf.where(passes, node, tf.stop_gradient(node))
