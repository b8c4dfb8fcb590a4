"""What the rules of MUL, ADD, SUB and the activation functions emit, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from converter.ir.activation import Clamp
from converter.ir.backward import Backward, Gradient
from converter.ir.training_ops import ActivationGrad, GradientMul
from converter.model import Operator, Tensor
from converter.model.schema import schema
from converter.rules import refusal, rule_of
from converter.rules.rule import Wanted
from tests.memory.builders import activation, elementwise, options

_MAP, _GATE = (1, 4, 4, 3), (1, 1, 1, 3)


class _FifteenBits:
    def gradient_bits(self, tensor: Tensor) -> int:
        return 15


def _binary(name: str, left: Tensor, right: Tensor, output: tuple[int, ...] = _MAP) -> Operator:
    kind = f"{name.capitalize()}Options"
    return Operator(name, [left, right], [activation(output)], *options(kind))


def _unary(name: str, **fields: float) -> Operator:
    kind = {"HARD_SWISH": "HardSwishOptions", "LEAKY_RELU": "LeakyReluOptions"}.get(name)
    source, output = activation(_MAP, 0.05, 3), activation(_MAP, 1 / 256, -128)
    return Operator(name, [source], [output], *options(kind, **fields))


def _emit(operator: Operator, index: int, clamp: Clamp | None = None) -> tuple[Backward, Gradient]:
    rate = Tensor("learning_rate", (1,), np.dtype(np.float32))
    backward = Backward(rate, rate, np.dtype(np.int16))
    rule, tensor = rule_of(operator.name), operator.inputs[index]
    assert rule is not None and tensor is not None and refusal(operator) is None
    gradient = backward.new_gradient(operator.output)
    wanted = Wanted(tensor, clamp, 15)
    return backward, rule.input_gradient(operator, index, gradient, wanted, backward)


def _gradient_mul(operator: Operator, index: int) -> tuple[Operator, GradientMul]:
    emitted = _emit(operator, index)[0].operators
    assert [op.name for op in emitted] == [GradientMul.CUSTOM_CODE]
    return emitted[0], GradientMul.unpack(emitted[0].custom_options or b"")


@pytest.mark.parametrize("gate", [_GATE, (1, 3), (3,)])
def test_squeeze_and_excite(gate: tuple[int, ...]) -> None:
    operator = _binary("MUL", activation(_MAP), activation(gate, 1 / 256, -128))
    op, of_map = _gradient_mul(operator, 0)
    assert op.inputs[2] is operator.inputs[1] and op.output.shape == _MAP
    assert [of_map.dim_2, of_map.dim_3] == [16, 3]
    assert [of_map.reduced_2, of_map.repeated_2, of_map.repeated_3] == [0, 1, 0]
    assert of_map.zero_point == -128 and of_map.scale_factor == 1 / 256
    op, of_gate = _gradient_mul(operator, 1)
    assert op.inputs[2] is operator.inputs[0] and op.output.shape == gate
    assert [of_gate.reduced_2, of_gate.reduced_3, of_gate.repeated_2] == [1, 0, 0]


def test_a_constant_of_one_value_changes_only_the_scale() -> None:
    for value, sign in ((47, 1), (-53, -1)):
        constant = activation((), 0.1, -3)
        constant.data = np.array(value, np.int8)
        op, record = _gradient_mul(_binary("MUL", activation(_MAP), constant), 0)
        assert op.inputs[2] is None and record.zero_point == -sign
        assert record.scale_factor == pytest.approx(5.0, rel=1e-6)


def test_sums_pass_their_gradient_on() -> None:
    for name, signs in (("ADD", (1, 1)), ("SUB", (1, -1))):
        operator = _binary(name, activation(_MAP), activation(_MAP))
        for index, sign in enumerate(signs):
            if sign == 1:
                assert _emit(operator, index)[0].operators == []
            else:
                assert _gradient_mul(operator, index)[1].zero_point == 1
    _, record = _gradient_mul(_binary("ADD", activation(_MAP), activation(_GATE)), 1)
    assert record.zero_point == -1 and record.reduced_2 == 1


def test_a_gradient_has_no_more_bits_than_its_sum_can_take() -> None:
    for side, mul_bits, add_bits in ((1, 15, 15), (16, 15, 15), (256, 7, 15), (512, 5, 13)):
        shape = (1, side, side, 3)
        for name, bits in (("MUL", mul_bits), ("ADD", add_bits)):
            operator = _binary(name, activation(shape), activation(_GATE), shape)
            rule = rule_of(name)
            assert rule is not None
            assert rule.output_gradient_bits(operator, None, _FifteenBits()) == bits


def _table(operator: Operator, clamp: Clamp | None = None) -> tuple[Operator, np.ndarray, bool]:
    """The emitted operator, f' for each int8 value, and whether the gradient is masked."""
    backward, gradient = _emit(operator, 0, clamp)
    (emitted,) = backward.operators
    record = ActivationGrad.unpack(emitted.custom_options or b"")
    table = emitted.inputs[3]
    assert table is not None and table.data is not None and table.dtype == np.int16
    return emitted, table.data * record.scale_factor, gradient.masked


def test_hard_swish_is_looked_up_with_its_input() -> None:
    operator = _unary("HARD_SWISH")
    operator.output.quantization = activation(_MAP, 0.05, -100).quantization
    emitted, slopes, _ = _table(operator)
    assert emitted.inputs[2] is operator.inputs[0]
    x = 0.05 * (np.arange(-128, 128) - 3)

    def f(x: np.ndarray) -> np.ndarray:
        return x * np.clip(x + 3, 0, 6) / 6

    smooth = np.abs(np.abs(x) - 3) > 1e-3
    np.testing.assert_allclose(
        slopes[smooth], (f(x + 1e-5) - f(x - 1e-5))[smooth] / 2e-5, atol=1e-4
    )


def test_what_does_not_fit_the_output_has_no_gradient() -> None:
    operator = _unary("LEAKY_RELU", alpha=0.25)
    operator.output.quantization = activation(_MAP, 0.05, 100).quantization
    _, slopes, _ = _table(operator)
    # y = x saturates 27 LSB above the zero point of 3.
    assert np.all(slopes[128 + 4 : 128 + 31] > 0.99) and np.all(slopes[128 + 31 :] == 0)
    np.testing.assert_allclose(slopes[: 128 + 4], 0.25, atol=1e-4)


def test_the_mask_of_the_input_is_in_the_table() -> None:
    operator = _unary("HARD_SWISH")
    operator.output.quantization = activation(_MAP, 0.05, -100).quantization
    assert operator.inputs[0] is not None
    _, slopes, masked = _table(operator, Clamp(operator.inputs[0], 3, 100))
    assert masked and np.all(slopes[: 128 + 4] == 0) and np.all(slopes[128 + 100 :] == 0)
    assert np.all(slopes[128 + 4 : 128 + 100] > 0.4)


def test_logistic_is_looked_up_with_its_output() -> None:
    operator = _unary("LOGISTIC")
    assert operator.inputs[0] is not None
    emitted, slopes, masked = _table(operator, Clamp(operator.inputs[0], 3, 100))
    assert emitted.inputs[2] is operator.output and not masked
    y = np.arange(256) / 256
    np.testing.assert_allclose(slopes, y * (1 - y), atol=1e-5)


def test_what_is_refused() -> None:
    tanh = elementwise("MUL", "MulOptions", _MAP, _MAP).graph.operators[0]
    tanh.options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    floating = _binary("SUB", activation(_MAP, dtype=np.float32), activation(_MAP))
    alternating = _binary(
        "MUL", activation((2, 1, 2, 1, 2)), activation((1, 2, 1, 2, 1)), (2, 2, 2, 2, 2)
    )
    unquantised = _unary("LOGISTIC")
    unquantised.output.quantization = None
    for operator, reason in (
        (tanh, "fused activation"),
        (floating, "not int8"),
        (alternating, "too many axes"),
        (unquantised, "no quantisation"),
    ):
        assert reason in (refusal(operator) or "")
