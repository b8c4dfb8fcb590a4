"""Finds the head of a model and appends the loss.

SOFTMAX and LOGISTIC are folded into the loss: it reads their input (the logits), whose
gradient is softmax - onehot (or sigmoid - label) without a derivative of their own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.errors import ConverterError
from converter.ir.backward import Backward, Gradient, constant, training_operator
from converter.ir.bounds import INT32_MAX
from converter.ir.options import Options
from converter.ir.training_ops import (
    UNMASKED_MAX,
    UNMASKED_MIN,
    GradientMul,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from converter.model.graph import Graph, Operator, Quantization, Tensor

SOFTMAX_CROSS_ENTROPY = "softmax_cross_entropy"
SIGMOID_CROSS_ENTROPY = "sigmoid_cross_entropy"
MSE = "mse"
LOSSES = (SOFTMAX_CROSS_ENTROPY, MSE)

# After the head only conversions and views may follow.
_PASSED_OVER = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS")
_PROBABILITY_BITS = 30
_Q16 = 65536
_DIFFERENCE_BITS = 8  # of the mantissas that MEAN_SQUARED_ERROR writes
# MEAN_SQUARED_ERROR multiplies by the square of the output's scale.
_MSE_SCALES = (1e-15, 1e15)


@dataclasses.dataclass(frozen=True)
class Head:
    """Where the loss is attached. logits: int8, what the loss reads; beta: of the SOFTMAX."""

    loss: str
    logits: Tensor
    beta: float = 1.0

    @property
    def num_classes(self) -> int | None:
        """Classes of the label; None for mse."""
        if self.loss == MSE:
            return None
        return 2 if self.loss == SIGMOID_CROSS_ENTROPY else self.logits.elements


def find_head(graph: Graph, loss: str | None) -> Head:
    """The head for `loss` (None: cross-entropy, sigmoid if the model ends in LOGISTIC)."""
    if len(graph.outputs) != 1:
        raise ConverterError(
            f"the model has {len(graph.outputs)} outputs; export it with the one to be trained"
        )
    output = graph.outputs[0]
    tail, operator = _tail(graph, output)
    if loss == MSE:
        logits = _checked(_int8_end(graph, output))
        if not _MSE_SCALES[0] <= logits.scale <= _MSE_SCALES[1]:
            raise ConverterError(
                f"output {logits}: the square of its scale {logits.scale:g} leaves the range of "
                "float32; quantise the model again"
            )
        return Head(MSE, logits)
    if operator is not None and operator.name == "LOGISTIC":
        logits = _checked(operator.inputs[0])
        if logits.elements != 1:
            raise ConverterError(
                f"LOGISTIC {operator.output} has {logits.elements} outputs; binary cross-entropy "
                "takes one (several independent labels are not supported)"
            )
        return Head(SIGMOID_CROSS_ENTROPY, logits)
    beta = 1.0
    logits = _int8_end(graph, output)
    if operator is not None and operator.name in ("SOFTMAX", "LOG_SOFTMAX"):
        assert operator.inputs[0] is not None
        logits = operator.inputs[0]
        beta = float(operator.options.beta) if operator.name == "SOFTMAX" else 1.0
    logits = _checked(logits)
    if not 0.0 < beta * logits.scale * _Q16 < INT32_MAX:
        raise ConverterError(
            f"logits {logits}: beta {beta:g} times their scale {logits.scale:g} leaves the range "
            "of the loss's fixed point; quantise the model again"
        )
    if logits.elements == 1:
        raise ConverterError(
            f"output {output} has one value and no LOGISTIC; for a regressor use --loss mse"
        )
    if logits.shape[-1] != logits.elements:
        raise ConverterError(
            f"logits {logits} hold more than one prediction; only whole-input classifiers "
            "can be trained (or use --loss mse)"
        )
    return Head(SOFTMAX_CROSS_ENTROPY, logits, beta)


def _tail(graph: Graph, output: Tensor) -> tuple[Tensor, Operator | None]:
    tensor = output
    operator = graph.producer(tensor)
    while operator is not None and operator.name in _PASSED_OVER:
        assert operator.inputs[0] is not None
        tensor = operator.inputs[0]
        operator = graph.producer(tensor)
    return tensor, operator


def _int8_end(graph: Graph, output: Tensor) -> Tensor:
    """The last int8 tensor: the output, or the input of the conversions behind it."""
    tensor = output
    while tensor.dtype != np.int8:
        operator = graph.producer(tensor)
        if operator is None or operator.name not in ("DEQUANTIZE", "QUANTIZE"):
            break
        assert operator.inputs[0] is not None
        tensor = operator.inputs[0]
    return tensor


def _checked(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    if not tensor.shape or min(tensor.shape) < 1:
        raise ConverterError(f"output {tensor} has no elements; export with a static shape")
    if tensor.dtype != np.int8 or tensor.quantization is None:
        raise ConverterError(
            f"output {tensor} is not int8: this is not a fully int8-quantised model; convert it "
            "with a representative dataset and TFLITE_BUILTINS_INT8"
        )
    return tensor


@dataclasses.dataclass(frozen=True)
class Loss:
    """The appended loss: its operator, the new graph input and outputs."""

    operator: Operator
    label: Tensor
    value: Tensor
    gradient: Gradient


def build_loss(head: Head, learning_rate: Tensor, gradient: Gradient, gradient_bits: int) -> Loss:
    """The loss operator of a head, writing `gradient`."""
    logits = head.logits
    value = Tensor("loss", (1,), np.dtype(np.float32))
    label = Tensor("label", (1,), np.dtype(np.int32))
    options: Options
    inputs: list[Tensor | None]
    if head.loss == MSE:
        assert logits.quantization is not None
        label = Tensor(
            "target",
            logits.shape,
            logits.dtype,
            Quantization.per_tensor(logits.scale, logits.zero_point),
        )
        options = MeanSquaredError(
            elements=logits.elements,
            loss_scale=logits.scale**2 / logits.elements,
            gradient_scale=2.0 * logits.scale / logits.elements,
        )
        inputs = [logits, label, learning_rate]
    elif head.loss == SIGMOID_CROSS_ENTROPY:
        reals = logits.scale * (np.arange(-128, 128) - logits.zero_point)
        with np.errstate(over="ignore"):  # a probability of 0
            shares = 1.0 / (1.0 + np.exp(-reals))
        probabilities = np.round(2.0**_PROBABILITY_BITS * shares).astype(np.int32)
        options = SigmoidCrossEntropy(gradient_bits)
        table = constant(f"{logits.name}/probabilities", probabilities)
        inputs = [logits, label, learning_rate, table]
    else:
        classes = logits.elements
        exponential_bits = _PROBABILITY_BITS - (classes - 1).bit_length()
        exponentials = np.round(
            2.0**exponential_bits * np.exp(-head.beta * logits.scale * np.arange(256))
        ).astype(np.int32)
        options = SoftmaxCrossEntropy(
            classes=classes,
            exponential_bits=exponential_bits,
            gradient_bits=gradient_bits,
            logit_scale_q16=round(_Q16 * head.beta * logits.scale),
            beta=head.beta,
        )
        table = constant(f"{logits.name}/exponentials", exponentials)
        inputs = [logits, label, learning_rate, table]
    operator = training_operator(options, inputs, [value, gradient.mantissa, gradient.scale])
    return Loss(operator, label, value, gradient)


def limit_bits(loss: Loss, head: Head, bits: int, backward: Backward) -> Gradient:
    """The gradient of the loss with at most `bits` bits. MEAN_SQUARED_ERROR knows no such limit:
    behind it GRADIENT_MUL by 1 takes the bits away that the sums over a large map have no room
    for."""
    mantissa = loss.gradient.mantissa
    if head.loss != MSE or bits >= min(_DIFFERENCE_BITS, 8 * mantissa.dtype.itemsize - 1):
        return loss.gradient
    options = GradientMul(
        *(1, 1, 1, head.logits.elements),
        *(0, 0, 0, 0),
        *(0, 0, 0, 0),
        zero_point=-1,
        gradient_bits=bits,
        mask_min=UNMASKED_MIN,
        mask_max=UNMASKED_MAX,
        scale_factor=1.0,
    )
    inputs = [mantissa, loss.gradient.scale, None, None]
    return backward.emit_gradient(options, inputs, head.logits, suffix="_limited")
