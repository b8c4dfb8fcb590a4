"""Which outputs may lie where an input lies."""

from __future__ import annotations

import numpy as np
import pytest

from converter.ir.backward import training_operator
from converter.ir.training_ops import (
    ActivationGrad,
    AveragePool2DGrad,
    Conv2DInputGrad,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
    TrainingConv2D,
)
from converter.memory import CORTEX_M
from converter.model import Graph, Operator, Tensor
from converter.planning.problem import build_problem
from converter.planning.sharing import sharings, view
from tests.memory.builders import activation, constant, fully_connected


def _gradient(*shape: int) -> tuple[Tensor, Tensor]:
    return (
        Tensor("gradient", shape, np.dtype(np.int16)),
        Tensor("gradient_scale", (2,), np.dtype(np.float32)),
    )


def _distances(operator: Operator) -> dict[tuple[int, int], int]:
    """(input index, output index) -> distance."""
    inputs, outputs = list(operator.inputs), list(operator.outputs)
    return {
        (inputs.index(s.source), outputs.index(s.output)): s.distance for s in sharings(operator)
    }


_BINARY = ("ADD", "MUL", "SUB")
_UNARY = ("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH")


@pytest.mark.parametrize("name", [*_BINARY, *_UNARY])
def test_elementwise(name: str) -> None:
    count = 2 if name in _BINARY else 1
    operator = Operator(name, [activation((1, 8)) for _ in range(count)], [activation((1, 8))])
    assert _distances(operator) == {(i, 0): 0 for i in range(count)}


def test_broadcasting_and_other_types_do_not_share() -> None:
    assert not sharings(
        Operator("ADD", [activation((1, 8)), activation((1, 1))], [activation((1, 8))])
    )
    source = activation((1, 8), dtype=np.float32)
    assert not sharings(Operator("QUANTIZE", [source], [activation((1, 8))]))
    assert not sharings(fully_connected((1, 8), (1, 8)).graph.operators[0])


def test_an_operator_of_somebody_else_does_not_share() -> None:
    operator = Operator("ADD", [activation((1, 8))], [activation((1, 8))], is_custom=True)
    assert not sharings(operator) and view(operator) is None


def test_views() -> None:
    source, output = activation((1, 4, 2)), activation((1, 8))
    assert view(Operator("RESHAPE", [source, constant([1, 8])], [output])) == (source, output)
    assert view(Operator("TRANSPOSE", [source, constant([0, 2, 1])], [output])) is None


def test_a_mask_lies_in_the_upper_half_of_the_gradient() -> None:
    options = GradientMask(elements=64, mask_min=-128, mask_max=127)
    inputs = [*_gradient(1, 64), activation((1, 64))]
    operator = training_operator(options, list(inputs), list(_gradient(1, 64)))
    assert _distances(operator) == {(0, 0): 0, (1, 1): 0, (2, 0): 64}


def test_gradient_add() -> None:
    options = GradientAdd(elements=64, gradient_bits=15, mask_min=-129, mask_max=128)
    inputs = [*_gradient(1, 64), *_gradient(1, 64), None]
    operator = training_operator(options, list(inputs), list(_gradient(1, 64)))
    assert _distances(operator) == {(0, 0): 0, (1, 1): 0, (2, 0): 0, (3, 1): 0}


def test_a_map_shares_with_its_product_but_a_gate_does_not() -> None:
    sources = [activation((1, 4, 4, 2)), activation((1, 1, 1, 2))]
    assert _distances(Operator("MUL", list(sources), [activation((1, 4, 4, 2))])) == {(0, 0): 0}
    assert not sharings(Operator("MUL", list(sources), [activation((1, 4, 4, 2), dtype=np.int16)]))


def _gradient_mul(other: tuple[int, ...], operand: tuple[int, ...]) -> Operator:
    """Of an output [1, 1, 8, 4], gradients of 64 bytes."""
    dims = (1, 1, 8, 4)
    options = GradientMul(
        *dims, *(int(n != d) for n, d in zip(operand, dims, strict=True)),
        *(int(n != d) for n, d in zip(other, dims, strict=True)),
        zero_point=0, gradient_bits=15, mask_min=-128, mask_max=127, scale_factor=1.0,
    )  # fmt: skip
    inputs = [*_gradient(*dims), activation(other), activation(operand)]
    return training_operator(options, list(inputs), list(_gradient(*operand)))


def test_gradient_mul() -> None:
    whole, gate = (1, 1, 8, 4), (1, 1, 1, 4)
    product = {(0, 0): 0, (1, 1): 0, (3, 0): 32}
    assert _distances(_gradient_mul(whole, whole)) == {**product, (2, 0): 32}
    assert _distances(_gradient_mul(gate, whole)) == product
    # A sum reads everything twice.
    assert _distances(_gradient_mul(whole, gate)) == {(1, 1): 0}


def test_activation_grad() -> None:
    options = ActivationGrad(elements=64, gradient_bits=15, scale_factor=1.0)
    table = constant(np.zeros(256), np.int16)
    inputs = [*_gradient(1, 64), activation((1, 64)), table]
    operator = training_operator(options, list(inputs), list(_gradient(1, 64)))
    assert _distances(operator) == {(0, 0): 0, (1, 1): 0, (2, 0): 64}


def test_gradient_slice_is_read_ahead_of_its_copy() -> None:
    options = GradientSlice(1, 4, 4, 2, 0, 1, 1, 0, 1, 2, 2, 2, mask_min=-129, mask_max=128)
    inputs = [*_gradient(1, 4, 4, 2), None]
    operator = training_operator(options, list(inputs), list(_gradient(1, 2, 2, 2)))
    assert _distances(operator) == {(0, 0): 0, (1, 1): 0}


def _conv_input_grad(height: int, kernel: int, stride: int, padding: int) -> Operator:
    """Maps 8 wide with 4 channels in and 4 out: rows of 64 bytes; 64 / stride for gradients."""
    output_height, output_width = height // stride, 8 // stride
    options = Conv2DInputGrad(
        height, 8, 4, kernel, kernel, output_height, output_width, 4, stride, stride, 1, 1,
        padding, padding, accumulator_bits=10, gradient_bits=15, weight_bound=1000,
        mask_min=-129, mask_max=128, scale_factor=1.0,
    )  # fmt: skip
    inputs = [*_gradient(1, output_height, output_width, 4), None, None, None]
    return training_operator(options, list(inputs), list(_gradient(1, height, 8, 4)))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "distance"),
    [
        (1, 1, 0, 64),  # the row that is being read
        (3, 1, 1, 128),  # and the one above it
        (5, 1, 2, 192),
        # Row 6 of 8 is the last to need row 2 of 4; rows of the gradient have 32 bytes.
        (3, 2, 0, 8 * 64 - 3 * 32),
    ],
)
def test_a_convolution_keeps_the_rows_that_it_still_needs(
    kernel: int, stride: int, padding: int, distance: int
) -> None:
    assert _distances(_conv_input_grad(8, kernel, stride, padding))[0, 0] == distance


def _pointwise_input_grad(
    height: int, width: int, channels: int, outputs: int, mask: Tensor | None = None
) -> Operator:
    options = Conv2DInputGrad(
        height, width, channels, 1, 1, height, width, outputs, 1, 1, 1, 1, 0, 0,
        accumulator_bits=10, gradient_bits=15, weight_bound=1000,
        mask_min=-129, mask_max=128, scale_factor=1.0,
    )  # fmt: skip
    inputs = [*_gradient(1, height, width, outputs), None, None, mask]
    return training_operator(options, list(inputs), list(_gradient(1, height, width, channels)))


@pytest.mark.parametrize(
    ("height", "width", "channels", "outputs", "distance"),
    [
        (4, 4, 4, 4, 8 * 8),  # the eight pixels, two rows, that are being read
        (1, 1, 4, 4, 8),  # one pixel
        (2, 16, 4, 4, 8 * 8),  # half a row
        (4, 4, 12, 4, 16 * 24 - 8 * 8),  # pixels of 24 bytes overtake those of 8
        (4, 4, 4, 12, 8 * 8),
        (3, 3, 4, 4, 8 * 8),  # the last tile holds one pixel
    ],
)
def test_a_pointwise_gradient_is_taken_eight_pixels_at_a_time(
    height: int, width: int, channels: int, outputs: int, distance: int
) -> None:
    assert _distances(_pointwise_input_grad(height, width, channels, outputs))[0, 0] == distance


def test_a_row_of_a_bit_mask_begins_inside_a_byte() -> None:
    # Pixel 8 of 9 begins at bit 72 of 81 in 11 bytes; its own 18 bytes end the output.
    mask = activation((11,), dtype=np.uint8)
    distances = _distances(_pointwise_input_grad(3, 3, 9, 9, mask))
    assert distances[4, 0] == 9 * 18 - 72 // 8


def _training_conv(
    channels: int, kernel: int, stride: int, padding: int, saves: int = 0
) -> Operator:
    """An input of 8 rows of 8 * 4 bytes."""
    size = 8 // stride
    options = TrainingConv2D(
        8, 8, 4, kernel, kernel, size, size, channels, stride, stride, 1, 1, padding, padding,
        0, 0, -128, 127, saved_channels=saves,
    )  # fmt: skip
    outputs = [activation((1, size, size, channels))]
    if saves:
        outputs.append(activation((1, 8, 8, saves)))
    return training_operator(options, [activation((1, 8, 8, 4)), *[None] * 5], outputs)


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "padding", "distance"),
    [
        (4, 1, 1, 0, 32),  # the row that is being read
        (4, 3, 1, 1, 64),  # and the one above it
        (8, 1, 1, 0, 8 * 64 - 7 * 32),  # rows of 64 bytes overtake those of 32
        (4, 3, 2, 0, 16),  # rows of 16 bytes never catch up
    ],
)
def test_a_forward_convolution_keeps_the_rows_that_it_still_needs(
    channels: int, kernel: int, stride: int, padding: int, distance: int
) -> None:
    assert _distances(_training_conv(channels, kernel, stride, padding)) == {(0, 0): distance}


def test_a_convolution_that_saves_its_input_needs_it_to_the_end() -> None:
    assert not sharings(_training_conv(4, 1, 1, 0, saves=2))


def test_a_global_pooling_needs_its_gradient_to_the_end() -> None:
    options = AveragePool2DGrad(4, 4, 2, 4, 4, 1, 1, 4, 4, 0, 0, 15, -129, 128)
    inputs = [*_gradient(1, 1, 1, 2), None]
    operator = training_operator(options, list(inputs), list(_gradient(1, 4, 4, 2)))
    assert _distances(operator)[0, 0] == 64


def test_an_input_that_lives_on_is_not_shared() -> None:
    x, a, b, c = (activation((1, 64)) for _ in range(4))
    relu = Operator("RELU", [a], [b])
    first = Operator("RELU", [x], [a])
    dying = Graph([x], [c], [first, relu, Operator("ADD", [b, b], [c])])
    assert build_problem(dying, CORTEX_M).bound == 64
    living = Graph([x], [c], [first, relu, Operator("ADD", [a, b], [c])])
    assert build_problem(living, CORTEX_M).bound == 128


def test_an_output_of_the_graph_is_not_shared() -> None:
    x, a, b = (activation((1, 64)) for _ in range(3))
    graph = Graph([x], [a, b], [Operator("RELU", [x], [a]), Operator("RELU", [a], [b])])
    assert build_problem(graph, CORTEX_M).bound == 128
