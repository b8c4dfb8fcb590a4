"""Builds small int8 models tensor by tensor, quantised as one likes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from converter.model import Graph, Model, Operator, Quantization, Tensor, write_model
from converter.model.schema import schema

Shape = tuple[int, ...]
_INT8, _INT32 = np.dtype(np.int8), np.dtype(np.int32)
SCALE, ZERO_POINT = 0.05, -3


class Net:
    """A model under construction. Each method appends an operator and returns its output; what is
    not said of a tensor follows from the net's `scale` and `zero_point`."""

    def __init__(self, shape: Shape, scale: float = SCALE, zero_point: int = ZERO_POINT) -> None:
        self.rng = np.random.default_rng(11)
        self.scale, self.zero_point = scale, zero_point
        self.operators: list[Operator] = []
        self.inputs: list[Tensor] = []
        self.input = self.new_input(shape)

    def new_input(self, shape: Shape, dtype: np.dtype = _INT8) -> Tensor:
        tensor = self.tensor(shape, dtype=dtype)
        self.inputs.append(tensor)
        return tensor

    def tensor(
        self,
        shape: Shape,
        scale: float | None = None,
        zero_point: int | None = None,
        dtype: np.dtype = _INT8,
    ) -> Tensor:
        quantization = Quantization.per_tensor(
            self.scale if scale is None else scale,
            self.zero_point if zero_point is None else zero_point,
        )
        name = f"tensor_{len(self.operators)}_{len(self.inputs)}"
        return Tensor(name, shape, dtype, None if dtype == _INT32 else quantization)

    def constant(self, values: Any, dtype: Any = np.int32) -> Tensor:
        data = np.asarray(values, dtype)
        return Tensor(f"constant_{len(self.operators)}", data.shape, data.dtype, data=data)

    def add(
        self,
        name: str,
        inputs: list[Tensor | None],
        output: Tensor,
        kind: str | None,
        **fields: Any,
    ) -> Tensor:
        options, options_type = None, 0
        if kind is not None:
            options = getattr(schema, f"{kind}T")()
            options_type = getattr(schema.BuiltinOptions, kind)
            for field, value in fields.items():
                setattr(options, field, value)
        output.name = f"{name.lower()}_{len(self.operators)}"
        self.operators.append(Operator(name, inputs, [output], options, options_type))
        return output

    def weights(
        self, shape: Shape, axis: int, source: Tensor, scales: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """A filter of normal random weights and its bias."""
        channels = shape[axis]
        if scales is None:
            scales = np.geomspace(0.004, 0.012, channels)
        scales = np.asarray(scales, np.float32)
        values = np.clip(np.round(self.rng.normal(0, 45, shape)), -127, 127).astype(np.int8)
        zeros = np.zeros(scales.size, np.int64)
        number = len(self.operators)
        filter_ = Tensor(
            f"filter_{number}", shape, _INT8, Quantization(scales, zeros, axis), values
        )
        bias_scales = (scales * np.float32(_scale_of(source))).astype(np.float32)
        bias = Tensor(
            f"bias_{number}",
            (channels,),
            _INT32,
            Quantization(bias_scales, zeros, 0),
            np.round(self.rng.normal(0, 300, channels)).astype(np.int32),
        )
        return filter_, bias

    def conv(
        self,
        x: Tensor,
        outputs: int,
        kernel: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        scales: np.ndarray | None = None,
        depthwise: bool = False,
        **output: Any,
    ) -> Tensor:
        """CONV_2D, or DEPTHWISE_CONV_2D with `outputs` / input channels as multiplier."""
        shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, x.shape[3])
        filter_, bias = self.weights(shape, 3 if depthwise else 0, x, scales)
        height, width = (
            _outputs(*axis, padding)
            for axis in zip(x.shape[1:3], kernel, stride, dilation, strict=True)
        )
        more = {"depthMultiplier": outputs // x.shape[3]} if depthwise else {}
        return self.add(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [x, filter_, bias],
            self.tensor((1, height, width, outputs), **{**_default_scale(x, filter_), **output}),
            "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
            strideH=stride[0],
            strideW=stride[1],
            dilationHFactor=dilation[0],
            dilationWFactor=dilation[1],
            padding=getattr(schema.Padding, padding),
            fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
            **more,
        )

    def transpose_conv(
        self,
        x: Tensor,
        outputs: int,
        kernel: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        padding: str = "SAME",
        activation: str = "NONE",
        scales: np.ndarray | None = None,
        size: tuple[int, int] | None = None,
        has_bias: bool = True,
    ) -> Tensor:
        """TRANSPOSE_CONV to `size`, by default what Keras makes of the input's height and width."""
        filter_, bias = self.weights((outputs, *kernel, x.shape[3]), 0, x, scales)
        if size is None:
            spare = 1 if padding == "VALID" else 0
            height, width = (
                extent * step + spare * max(taps - step, 0)
                for extent, taps, step in zip(x.shape[1:3], kernel, stride, strict=True)
            )
            size = (height, width)
        shape = (1, *size, outputs)
        return self.add(
            "TRANSPOSE_CONV",
            [self.constant(shape), filter_, x, *([bias] if has_bias else [])],
            self.tensor(shape, **_default_scale(x, filter_)),
            "TransposeConvOptions",
            strideH=stride[0],
            strideW=stride[1],
            padding=getattr(schema.Padding, padding),
            fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
        )

    def dense(
        self, x: Tensor, outputs: int, scales: np.ndarray | None = None, **output: Any
    ) -> Tensor:
        filter_, bias = self.weights((outputs, x.shape[-1]), 0, x, scales)
        shape = (*x.shape[:-1], outputs)
        result = self.tensor(shape, **{**_default_scale(x, filter_), **output})
        return self.add(
            "FULLY_CONNECTED", [x, filter_, bias], result, "FullyConnectedOptions",
            keepNumDims=len(shape) > 2,
        )  # fmt: skip

    def pool(
        self,
        name: str,
        x: Tensor,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: str = "VALID",
        **fields: Any,
    ) -> Tensor:
        height, width = (
            _outputs(size, window, step, 1, padding)
            for size, window, step in zip(x.shape[1:3], kernel, stride, strict=True)
        )
        output = self.tensor((1, height, width, x.shape[3]), x.scale, x.zero_point)
        return self.add(
            name, [x], output, "Pool2DOptions",
            filterHeight=kernel[0], filterWidth=kernel[1], strideH=stride[0], strideW=stride[1],
            padding=getattr(schema.Padding, padding), **fields,
        )  # fmt: skip

    def unary(self, name: str, x: Tensor, kind: str | None = None, **fields: Any) -> Tensor:
        return self.add(name, [x], self.tensor(x.shape), kind, **fields)

    def binary(self, name: str, a: Tensor, b: Tensor, **output: Any) -> Tensor:
        shape = np.broadcast_shapes(a.shape, b.shape)
        kind = f"{name.capitalize()}Options"
        return self.add(name, [a, b], self.tensor(shape, **output), kind)

    def mean(self, x: Tensor, axes: tuple[int, ...] = (1, 2), keep: bool = False) -> Tensor:
        kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes]
        return self.add(
            "MEAN", [x, self.constant(axes)], self.tensor(tuple(kept)), "ReducerOptions",
            keepDims=keep,
        )  # fmt: skip

    def pad(self, x: Tensor, paddings: Any) -> Tensor:
        shape = tuple(n + sum(p) for n, p in zip(x.shape, paddings, strict=True))
        output = self.tensor(shape, x.scale, x.zero_point)
        return self.add("PAD", [x, self.constant(paddings)], output, "PadOptions")

    def concatenation(self, xs: list[Tensor], axis: int) -> Tensor:
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        output = self.tensor(tuple(shape), xs[0].scale, xs[0].zero_point)
        return self.add("CONCATENATION", list(xs), output, "ConcatenationOptions", axis=axis)

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        output = self.tensor(shape)
        output.quantization = x.quantization
        return self.add("RESHAPE", [x, self.constant(shape)], output, "ReshapeOptions")

    def classifier(self, x: Tensor, classes: int = 3) -> bytes:
        """Flattens x, adds a layer of logits, and writes the model."""
        flat = x if len(x.shape) == 2 else self.reshape(x, (1, math.prod(x.shape)))
        scales = np.geomspace(0.004, 0.012, classes) * (SCALE / _scale_of(x))
        return self.finish(self.dense(flat, classes, scales, scale=0.1, zero_point=4))

    def finish(self, output: Tensor) -> bytes:
        return write_model(Model(Graph(self.inputs, [output], self.operators)))


def _outputs(size: int, window: int, stride: int, dilation: int, padding: str) -> int:
    span = (window - 1) * dilation + 1
    return -(-size // stride) if padding == "SAME" else (size - span) // stride + 1


def _scale_of(tensor: Tensor) -> float:
    return SCALE if tensor.quantization is None else tensor.scale


def _default_scale(x: Tensor, filter_: Tensor) -> dict[str, float]:
    """Brings outputs near the range of int8."""
    assert filter_.quantization is not None
    products = filter_.elements / filter_.shape[filter_.quantization.quantized_dimension]
    spread = _scale_of(x) * float(filter_.quantization.scale.max()) * 45 * 60
    return {"scale": spread * math.sqrt(products) / 60}
