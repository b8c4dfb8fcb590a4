"""The worst case of each bound, at which the integer really reaches what is proven."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from converter.ir.options import Options
from converter.ir.training_ops import (
    ActivationGrad,
    AveragePool2DGrad,
    BiasUpdate,
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    GradientAdd,
    GradientMul,
    MaxPool2DGrad,
    SoftmaxCrossEntropy,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)
from kernels.average_pool_2d_grad.twin import average_pool_2d_grad
from kernels.conv_2d_grad import twin as conv_2d
from kernels.depthwise_conv_2d_grad import twin as depthwise
from kernels.max_pool_2d_grad.twin import max_pool_2d_grad
from kernels.training_conv_2d.twin import training_conv_2d
from kernels.training_depthwise_conv_2d.twin import training_depthwise_conv_2d
from kernels.transpose_conv_grad import twin as transpose_conv
from tests.bounds.cases import (
    M,
    bias_positions,
    biased_fully_connected,
    coefficients,
    conv_input_grad,
    conv_input_sum,
    depthwise_input_grad,
    depthwise_input_sum,
    depthwise_window,
    filter_sum,
    filter_update,
    forward_accumulator,
    forward_products,
    fully_connected,
    input_grad_of_minimum_weights,
    largest,
    step_product,
    transpose_conv_input_grad,
    transpose_conv_input_sum,
)
from tests.bounds.elementwise_cases import (
    pooling,
    product_sum,
    slopes,
    softmax,
    sum_of_products,
    sum_of_two,
    windows,
)
from tests.bounds.extent_cases import (
    filter_update_extents,
    forward_extents,
    input_grad_extents,
)
from tests.parity.case import Case


@dataclasses.dataclass(frozen=True)
class Edge:
    """bound: its name; past: True if `edge` + 1 breaks it, False if nothing can; share: of what
    is proven, reached at least; trained: filter and bias are, and |bias| is at its limit."""

    bound: str
    operator: type[Options]
    make: Callable[[int], Case]
    edge: int
    reached: Callable[[Case], int]
    past: bool = True
    trained: bool = False
    share: float = 1.0


_ALL_ONES = 2.0 - 2.0**-23  # the largest fraction of a float32


def _extent_edges() -> list[Edge]:
    runs = (
        (TrainingConv2D, forward_extents, training_conv_2d),
        (TrainingDepthwiseConv2D, forward_extents, training_depthwise_conv_2d),
        (Conv2DInputGrad, input_grad_extents, conv_2d.input_grad),
        (DepthwiseConv2DInputGrad, input_grad_extents, depthwise.input_grad),
        (Conv2DFilterUpdate, filter_update_extents, conv_2d.filter_update),
        (DepthwiseConv2DFilterUpdate, filter_update_extents, depthwise.filter_update),
        (TransposeConvInputGrad, input_grad_extents, transpose_conv.input_grad),
        (TransposeConvFilterUpdate, filter_update_extents, transpose_conv.filter_update),
    )
    return [
        Edge("extent, stride, dilation or padding", op, functools.partial(make, op=op, run=run),
             32767, lambda case: case.options.output_height)
        for op, make, run in runs
    ]  # fmt: skip


def _step_edges() -> list[Edge]:
    """The largest sum at factors of every kind: rounded at random, to nearest, infinite."""
    conv = functools.partial(filter_update, op=Conv2DFilterUpdate, run=conv_2d.filter_update)
    return [
        Edge("product of a step", Conv2DFilterUpdate, functools.partial(conv, rate=rate), 257,
             step_product, past=False, share=0.9999)
        for rate in (_ALL_ONES * 2.0**e for e in (-42, -12, 0, 20, 100))
    ]  # fmt: skip


_CONV_UPDATE = functools.partial(filter_update, op=Conv2DFilterUpdate, run=conv_2d.filter_update)
_DEPTHWISE_UPDATE = functools.partial(
    filter_update, op=DepthwiseConv2DFilterUpdate, run=depthwise.filter_update
)
_TRANSPOSE_UPDATE = functools.partial(
    filter_update, op=TransposeConvFilterUpdate, run=transpose_conv.filter_update
)
EDGES: tuple[Edge, ...] = (
    Edge("sum of products", TrainingConv2D, fully_connected, 66311,
         lambda case: largest(forward_products(case))),
    Edge("sum of products", TrainingConv2D, functools.partial(fully_connected, weight=-128), 65793,
         lambda case: largest(forward_products(case))),
    Edge("sum of products", TrainingDepthwiseConv2D, depthwise_window, 22103,
         lambda case: largest(forward_products(case))),
    Edge("accumulator", TrainingConv2D,
         functools.partial(biased_fully_connected, products=66311, shift=0), 1784,
         forward_accumulator, trained=True),
    Edge("accumulator", TrainingConv2D,
         functools.partial(biased_fully_connected, products=100, shift=3), 265196939,
         forward_accumulator, trained=True),
    Edge("coefficient", Conv2DInputGrad, functools.partial(conv_input_grad, 3), 15,
         lambda case: largest(coefficients(case))),
    Edge("sum of products", Conv2DInputGrad, functools.partial(conv_input_grad, bits=14), 1032,
         conv_input_sum),
    Edge("sum of products", Conv2DInputGrad, input_grad_of_minimum_weights, 2047, conv_input_sum),
    Edge("sum of products", DepthwiseConv2DInputGrad, depthwise_input_grad, 516,
         depthwise_input_sum),
    Edge("sum over positions", Conv2DFilterUpdate, _CONV_UPDATE, 257, filter_sum),
    Edge("sum over positions", Conv2DFilterUpdate,
         functools.partial(_CONV_UPDATE, max_abs=127), 22103, filter_sum),
    Edge("sum over positions", DepthwiseConv2DFilterUpdate, _DEPTHWISE_UPDATE, 257, filter_sum),
    Edge("sum over positions", DepthwiseConv2DFilterUpdate,
         functools.partial(_DEPTHWISE_UPDATE, max_abs=127), 22103, filter_sum),
    Edge("coefficient", TransposeConvInputGrad,
         lambda n: conv_input_grad(3, n, TransposeConvInputGrad), 15,
         lambda case: largest(coefficients(case))),
    Edge("sum of products", TransposeConvInputGrad, transpose_conv_input_grad, 516,
         transpose_conv_input_sum),
    Edge("sum over positions", TransposeConvFilterUpdate, _TRANSPOSE_UPDATE, 257, filter_sum),
    Edge("sum over positions", TransposeConvFilterUpdate,
         functools.partial(_TRANSPOSE_UPDATE, max_abs=127), 22103, filter_sum),
    *_step_edges(),
    *_extent_edges(),
    Edge("positions", BiasUpdate, bias_positions, 65536, lambda case: case.inputs[0].shape[1]),
    Edge("windows of one input", AveragePool2DGrad,
         functools.partial(pooling, op=AveragePool2DGrad, run=average_pool_2d_grad), 16384,
         windows),
    Edge("windows of one input", MaxPool2DGrad,
         functools.partial(pooling, op=MaxPool2DGrad, run=max_pool_2d_grad), 16384, windows),
    Edge("sum of two", GradientAdd, sum_of_two, 9,
         lambda case: 32768 * 2 * largest(case.inputs[0].astype(np.int64)), past=False),
    Edge("sum of products", GradientMul, functools.partial(product_sum, has_other=True), 257,
         sum_of_products),
    Edge("sum of products", GradientMul, functools.partial(product_sum, has_other=False), 65538,
         sum_of_products),
    Edge("product", ActivationGrad, slopes, 9, lambda case: M * M, past=False),
    Edge("sum of exponentials", SoftmaxCrossEntropy, softmax, 1024,
         lambda case: case.inputs[0].size << 20),
)  # fmt: skip
