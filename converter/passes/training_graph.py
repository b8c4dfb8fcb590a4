"""Puts the passes together: a model and a scheme become a training graph."""

from __future__ import annotations

import dataclasses
import functools
import json
import pickle

import numpy as np

from converter.errors import ConverterError
from converter.ir.backward import Backward
from converter.ir.layers import Layer, find_layers
from converter.ir.training_ops import TRAINING_OPS
from converter.model import Model, Operator, Quantization, Signature, Tensor, read_model
from converter.passes.accumulation import accumulate
from converter.passes.classifier import resize_classifier
from converter.passes.differentiate import Differentiator
from converter.passes.dilation import fold_dilated_convolutions
from converter.passes.fold import fold_constants
from converter.passes.fractions import add_fractions
from converter.passes.loss import Head, Loss, build_loss, find_head, limit_bits
from converter.passes.lower import can_be_lowered, lower, split_filter
from converter.passes.padding import fold_pads
from converter.passes.relu6 import replace_rescaling_relu6
from converter.passes.saved import Saved, shrink_saved
from converter.passes.variables import make_variables, unshare_biases
from converter.proof import prove, prove_sizes
from converter.rules import LayerUpdate
from converter.rules.convolution import filter_of
from converter.search.scheme import Scheme

METADATA_NAME = "tflm_training"
METADATA_VERSION = 1
RANDOM_STATE_NAME = "random_state"
_INITIAL_RANDOM_STATE = 0x2545F491
_RESERVED_NAMES = ("label", "target", "learning_rate", "loss")


@dataclasses.dataclass(frozen=True)
class Source:
    """The model that a user brings. data: flatbuffer bytes; name: for messages."""

    data: bytes
    name: str
    loss: str | None = None
    num_classes: int | None = None
    spare_classes: int = 0


@dataclasses.dataclass(frozen=True)
class Lowering:
    """How far a conversion goes to save arena.

    whole: lower every convolution, not only those of the trained part; gradient_bits: 16 or
    8, of a gradient's mantissa with its sign; weight_bits: 8 or 16, of a weight in training;
    accumulate: samples whose gradients make one update.
    """

    whole: bool = False
    gradient_bits: int = 16
    weight_bits: int = 8
    accumulate: int = 1

    @property
    def gradient_dtype(self) -> np.dtype:
        return np.dtype(np.int16 if self.gradient_bits == 16 else np.int8)

    @property
    def weight_bytes(self) -> int:
        """Bytes of arena that a trained weight takes: itself, a fraction, a pending step."""
        return 3 if self.accumulate > 1 else self.weight_bits // 8

    @property
    def bias_bytes(self) -> int:
        """Bytes of arena that a trained bias takes."""
        return 8 if self.accumulate > 1 else 4


DEFAULT_LOWERING = Lowering()


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model read, folded to batch 1 and with its head found; still only inference."""

    model: Model
    head: Head
    layers: list[Layer]


@dataclasses.dataclass(frozen=True)
class TrainingGraph:
    """A model that trains. forward: the operators of the model itself; backward: the loss,
    gradients and updates behind them."""

    model: Model
    head: Head
    layers: list[Layer]
    scheme: Scheme
    forward: list[Operator]
    backward: list[Operator]


def prepare(source: Source) -> Prepared:
    """Read a model and make it ready to be differentiated; the caller may change what it gets.

    Raises ConverterError for files, models and heads that cannot be trained.
    """
    prepared: Prepared = pickle.loads(_pickled(source))
    return prepared


@functools.lru_cache(maxsize=2)
def _pickled(source: Source) -> bytes:
    """A search prepares the same model hundreds of times: unpickling beats reading it."""
    return pickle.dumps(_prepare(source))


def _prepare(source: Source) -> Prepared:
    model = read_model(source.data, source.name)
    graph = model.graph
    _check_is_new(model, source.name)
    fold_constants(graph)
    fold_dilated_convolutions(graph)
    replace_rescaling_relu6(graph)
    head = find_head(graph, source.loss)
    if source.num_classes is not None or source.spare_classes:
        resize_classifier(graph, head, source.num_classes, source.spare_classes)
        head = find_head(graph, source.loss)
    layers = find_layers(graph)
    if not layers:
        raise ConverterError(
            f"{source.name}: no CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED or TRANSPOSE_CONV "
            "with constant weights; there is nothing to train"
        )
    return Prepared(model, head, layers)


def _check_is_new(model: Model, name: str) -> None:
    codes = {options.CUSTOM_CODE for options in TRAINING_OPS}
    if METADATA_NAME in model.metadata or any(
        op.is_custom and op.name in codes for op in model.graph.operators
    ):
        raise ConverterError(f"{name}: already a training flatbuffer; convert the original model")
    for tensor in (*model.graph.inputs, *model.graph.outputs):
        if tensor.name in _RESERVED_NAMES:
            raise ConverterError(
                f"{name}: an input or output is called '{tensor.name}', a name that the training "
                "flatbuffer needs for its own; rename it"
            )


def build_training_graph(
    source: Source, scheme: Scheme, lowering: Lowering = DEFAULT_LOWERING
) -> TrainingGraph:
    """Convert with a given scheme. Raises NoGradientError if a rule is missing on the way."""
    prepared = prepare(source)
    graph, layers, head = prepared.model.graph, prepared.layers, prepared.head
    trained = {id(layers[index].operator): update for index, update in scheme.items()}
    unshare_biases(graph, [layers[index].operator for index in sorted(scheme)])
    path = {id(op) for op in Differentiator(graph, head.logits, trained).path}
    convolutions = [
        op for op in graph.operators if (lowering.whole or id(op) in path) and can_be_lowered(op)
    ]
    fold_pads(graph, {id(op) for op in convolutions})
    forward = list(graph.operators)

    learning_rate = Tensor("learning_rate", (1,), np.dtype(np.float32))
    initial = np.array([_INITIAL_RANDOM_STATE], np.int32)
    random_state = Tensor(
        RANDOM_STATE_NAME, (1,), initial.dtype, Quantization.per_tensor(1.0, 0), initial
    )
    backward = Backward(learning_rate, random_state, lowering.gradient_dtype)
    differentiator = Differentiator(graph, head.logits, trained, lowering.gradient_bits)
    loss = _differentiate(head, differentiator, backward)
    parameters = _lower(convolutions, trained, forward, backward.operators)
    parameters += [bias for layer in layers if (bias := _trained_bias(layer, scheme)) is not None]

    prove(forward, backward.operators)
    zeroed = _finer_steps(backward, head, loss, lowering)
    graph.operators += backward.operators
    graph.inputs = [*graph.inputs, loss.label, learning_rate]
    graph.outputs = [*graph.outputs, loss.value]
    trainable = list({id(t): t for t in (*parameters, random_state)}.values())
    make_variables(graph, trainable, zeroed)
    prove_sizes(graph.operators)
    _describe(prepared.model, head)
    return TrainingGraph(prepared.model, head, layers, scheme, forward, backward.operators)


def _differentiate(head: Head, differentiator: Differentiator, backward: Backward) -> Loss:
    bits = differentiator.gradient_bits(head.logits)
    loss = build_loss(head, backward.learning_rate, backward.new_gradient(head.logits), bits)
    backward.operators.append(loss.operator)
    gradient = limit_bits(loss, head, bits, backward)
    differentiator.run(head.logits, gradient, backward)
    return loss


def _finer_steps(backward: Backward, head: Head, loss: Loss, lowering: Lowering) -> list[Tensor]:
    """Accumulate gradients, or give weights 16 bits. Returns the variables that this takes."""
    if lowering.accumulate > 1:  # what is pending has a fraction anyway
        return accumulate(backward, lowering.accumulate, loss.label, head.num_classes)
    return add_fractions(backward.operators) if lowering.weight_bits == 16 else []


def _trained_bias(layer: Layer, scheme: Scheme) -> Tensor | None:
    update = scheme.get(layer.index)
    return layer.bias if update is not None and update.bias else None


def _lower(
    convolutions: list[Operator],
    trained: dict[int, LayerUpdate],
    forward: list[Operator],
    backward: list[Operator],
) -> list[Tensor]:
    """Lower the convolutions. Returns the filters, or parts of filters, that are trained."""
    saved: dict[int, Saved] = {}
    readers_of: dict[int, dict[int, Operator]] = {}
    for op in backward:
        for read in op.inputs:
            readers_of.setdefault(id(read), {})[id(op)] = op
    for tensor in {id(t): t for op in forward for t in op.tensors()}.values():
        readers = list(readers_of.get(id(tensor), {}).values())
        if readers and not tensor.is_constant:
            lowered = [op for op in convolutions if op.inputs[0] is tensor]
            shrink_saved(tensor, readers, lowered, saved)
    filters: list[Tensor] = []
    weights_of = {id(op): filter_of(op) for op in forward if id(op) in trained}
    for operator in forward:
        update = trained.get(id(operator))
        is_lowered = any(op is operator for op in convolutions)
        split = None
        if update is not None and update.channels:
            tied = sum(w is weights_of[id(operator)] for w in weights_of.values()) > 1
            if is_lowered and update.channels < update.of and not tied:
                split = split_filter(operator, update.channels, backward)
            filters.append(split.trained if split else filter_of(operator))
        if is_lowered:
            lower(operator, split, saved.get(id(operator)))
    return filters


def _describe(model: Model, head: Head) -> None:
    """Leave in the file what a runner needs to know."""
    graph = model.graph
    model.signatures.append(
        Signature("train", {t.name: t for t in graph.inputs}, {t.name: t for t in graph.outputs})
    )
    model.metadata[METADATA_NAME] = json.dumps(
        {
            "version": METADATA_VERSION,
            "loss": head.loss,
            "num_classes": head.num_classes,
            "random_state": RANDOM_STATE_NAME,
        }
    ).encode()
