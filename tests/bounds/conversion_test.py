"""Models at and past what the integers of a whole graph hold."""

from __future__ import annotations

import numpy as np
import pytest

import converter
from converter.errors import ConverterError, NoGradientError
from converter.ir.bounds import bias_limit, input_gradient_bits, largest_weight
from converter.ir.requantisation import quantize_multiplier
from converter.ir.training_ops import (
    BiasUpdate,
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    GradientMul,
    MeanSquaredError,
    Options,
    TransposeConvFilterUpdate,
)
from converter.model import Operator
from converter.passes import training_graph
from tests.op_cases.net import Net


def _options(converted: converter.TrainingModel, record: type[Options]) -> list[Options]:
    custom = [op for op in converted.training.backward if op.name == record.CUSTOM_CODE]
    return [record.unpack(op.custom_options or b"") for op in custom]


def _autoencoder(side: int) -> bytes:
    """One layer without bias, a map as output: as many positions as the square of `side`."""
    net = Net((1, side, side, 1))
    output = net.conv(net.input, 1, scale=0.1)
    net.operators[0].inputs[2] = None
    return net.finish(output)


@pytest.mark.parametrize(("side", "bits", "limited"), [(181, 8, False), (182, 7, True)])
def test_squared_errors_over_large_maps_lose_bits(side: int, bits: int, limited: bool) -> None:
    assert side**2 * 255 * 2**bits <= 2**31
    converted = converter.convert(_autoencoder(side), update="all", loss="mse")
    assert _options(converted, MeanSquaredError)
    muls = _options(converted, GradientMul)
    assert [mul.gradient_bits for mul in muls] == ([bits] if limited else [])


def test_a_transposed_filter_sums_over_its_input() -> None:
    """Its output has four times as many positions: too many for 15 bits."""
    net = Net((1, 16, 16, 3))
    x = net.transpose_conv(net.input, 4, (3, 3), (2, 2))
    (update,) = _options(
        converter.convert(net.classifier(net.mean(x)), update="all"), TransposeConvFilterUpdate
    )
    assert isinstance(update, TransposeConvFilterUpdate)
    assert update.input_height * update.input_width * 255 * 32767 <= 2**31
    assert update.output_height * update.output_width * 255 * 32767 > 2**31


def test_without_the_limit_the_proof_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_graph, "limit_bits", lambda loss, *_: loss.gradient)
    with pytest.raises(NoGradientError, match="CONV_2D_FILTER_UPDATE .*: sum over positions could"):
        converter.convert(_autoencoder(182), update="all", loss="mse")


def test_int8_errors_are_limited_where_seven_bits_are_too_many() -> None:
    for side, limited in ((256, False), (257, True)):
        converted = converter.convert(_autoencoder(side), update="all", loss="mse", gradient_bits=8)
        assert bool(_options(converted, GradientMul)) == limited


def test_filters_with_the_smallest_weight_have_fewer_bits() -> None:
    """1024 * 128 * 2^14 = 2^31 is one too many; 127 has room."""
    assert (input_gradient_bits(1024, 127), input_gradient_bits(1024, 128)) == (14, 13)
    assert largest_weight(np.array([-127, 5], np.int8)) == 127
    for weight, bits in ((-127, 14), (-128, 13)):
        net = Net((1, 1, 1, 2))
        x = net.conv(net.conv(net.input, 2), 1024)
        filter_ = net.operators[-1].inputs[1]
        assert filter_ is not None and filter_.data is not None
        filter_.data[5] = weight
        converted = converter.convert(net.classifier(x), update="all")
        found = [o.accumulator_bits for o in _options(converted, Conv2DInputGrad)]
        assert bits in found


def test_a_multiplier_that_rounds_up_shifts_by_one_more() -> None:
    """Just below 1 its 31 bits are those of 1, of which half are shifted in from the left."""
    assert quantize_multiplier(1 - 2.0**-33) == (2**30, 1)
    assert bias_limit(1, 1) < bias_limit(1, 0) // 2
    for output, shift in ((2.0, 0), (1.0, 1)):
        net = Net((1, 4), scale=1 + 2.0**-23)
        x = net.dense(net.input, 2, scales=np.full(2, 1 - 2.0**-23), scale=output)
        converted = converter.convert(net.classifier(x), update="all")
        assert _options(converted, BiasUpdate)[-1].limit == bias_limit(4, shift)


@pytest.mark.parametrize(
    ("beta", "scale", "message"),
    [
        (0.0, 0.1, "beta 0 times their scale 0.1 leaves the range"),
        (-1.0, 0.1, "beta -1 times their scale 0.1 leaves the range"),
        (1.0, 40000.0, "beta 1 times their scale 40000 leaves the range"),
    ],
)
def test_softmax_that_fixed_point_cannot_hold(beta: float, scale: float, message: str) -> None:
    net = Net((1, 4))
    logits = net.dense(net.input, 3, scale=scale)
    output = net.tensor((1, 3), 1 / 256, -128)
    model = net.finish(net.add("SOFTMAX", [logits], output, "SoftmaxOptions", beta=beta))
    with pytest.raises(ConverterError, match=message):
        converter.convert(model, update="all")


@pytest.mark.parametrize("scale", [1e-16, 1e16])
def test_squares_that_float32_cannot_hold(scale: float) -> None:
    net = Net((1, 4))
    model = net.finish(net.dense(net.input, 3, scale=scale))
    with pytest.raises(ConverterError, match="the square of its scale 1e.1. leaves the range"):
        converter.convert(model, update="all", loss="mse")


def test_an_arena_of_more_than_2_gib() -> None:
    net = Net((1, 1, 1, 1))
    large = net.new_input((1, 32767, 32769, 1))
    x = net.mean(net.binary("ADD", net.conv(net.input, 1), large))
    with pytest.raises(ConverterError, match="bytes of arena are more than TFLM's offsets reach"):
        converter.convert(net.classifier(x), update="all")


@pytest.mark.parametrize("finer", [{}, {"weight_bits": 16}, {"accumulate": 2}])
def test_what_comes_behind_the_proof_is_checked_for_its_size(
    finer: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Net((1, 4))
    model = net.classifier(net.dense(net.input, 9))
    proven = training_graph.prove

    def prove_and_grow(forward: list[Operator], backward: list[Operator]) -> None:
        proven(forward, backward)
        update = next(op for op in backward if op.name == Conv2DFilterUpdate.CUSTOM_CODE)
        assert update.inputs[3] is not None
        update.inputs[3].shape = (1 << 31, 1)

    monkeypatch.setattr(training_graph, "prove", prove_and_grow)
    message = "INITIALIZE_VARIABLES of .*: bytes of a tensor could reach 2147483648, more than"
    with pytest.raises(NoGradientError, match=message):
        converter.convert(model, update="all", **finer)  # type: ignore[arg-type]
