"""Builds the inference model of a training flatbuffer, with weights as they are now.

    INITIALIZE_VARIABLES            gone; its variables become constants
    loss, gradients, updates        gone: nothing that the model's outputs need
    TRAINING_CONV_2D                CONV_2D or, if its filter has two axes, FULLY_CONNECTED
    TRAINING_DEPTHWISE_CONV_2D      DEPTHWISE_CONV_2D
    filter, frozen_filter           one filter again, joined along the axis that was split
    input_mask, saved_input         gone
    a PAD that was folded           a PAD again

All is read off the training graph itself, so the original model is not needed; with a new
classifier there is none. What does not come back is what makes no difference to any bit: shape
arithmetic that was folded, the words SAME and VALID where both mean the same, and a fused
activation that the int8 range clamps anyway.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from converter.errors import ConverterError, reason_of
from converter.ir.training_ops import (
    InitializeVariables,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
)
from converter.merge.raise_conv import raise_convolution
from converter.merge.seal import MODEL_ID_NAME
from converter.model import Graph, Model, Operator, Tensor, read_model, write_model
from converter.passes.training_graph import METADATA_NAME

_TRAINING_INPUTS = 2  # label or target, learning_rate
_TRAINING_OUTPUTS = 1  # loss
_TRAINING_SIGNATURE = "train"
_CONVOLUTIONS = (TrainingConv2D.CUSTOM_CODE, TrainingDepthwiseConv2D.CUSTOM_CODE)


def merge(
    flatbuffer: bytes, variables: Mapping[str, np.ndarray] | None = None, name: str = "model"
) -> bytes:
    """The int8 inference model of a training flatbuffer, which any TFLite runtime runs.

    variables: the trained weights by their names, as `tflm_training.Trainer.variables()` gives
    them; None for the weights that the flatbuffer shipped with. name: for messages. Raises
    ConverterError for a model that is no training flatbuffer and for variables not its own.
    """
    contents = None
    if variables is not None:  # what is wrong with them is not the file's fault
        try:
            contents = {str(key): np.asarray(content) for key, content in variables.items()}
        except ValueError as error:
            raise ConverterError(f"variables are no arrays ({reason_of(error)})") from error
    try:
        merged = _merge(flatbuffer, contents, name)
        read_model(merged, name)  # what a damaged training flatbuffer makes may not be a model
    except ConverterError:
        raise
    except Exception as error:  # the converter wrote the file: whatever fails was damaged since
        raise ConverterError(f"{name}: damaged training flatbuffer ({reason_of(error)})") from error
    return merged


def _merge(flatbuffer: bytes, variables: Mapping[str, np.ndarray] | None, name: str) -> bytes:
    model = read_model(flatbuffer, name)
    graph = model.graph
    description = model.metadata.pop(METADATA_NAME, None)
    if description is None:
        raise ConverterError(f"{name}: not a training flatbuffer: run python -m converter first")
    pads = set(json.loads(description.rstrip(b"\0")).get("pads", []))
    model.metadata.pop(MODEL_ID_NAME, None)
    _freeze(graph, variables, name)
    graph.inputs = graph.inputs[:-_TRAINING_INPUTS]
    graph.outputs = graph.outputs[:-_TRAINING_OUTPUTS]
    operators: list[Operator] = []
    for operator in _needed(graph):
        if operator.name in _CONVOLUTIONS:
            operators += raise_convolution(operator, operator.output.name in pads)
        else:
            operators.append(operator)
    graph.operators = operators
    _repair_quantized_dimensions(graph)
    model.signatures = [s for s in model.signatures if s.key != _TRAINING_SIGNATURE]
    _check_is_plain(model, name)
    return write_model(model)


def _freeze(graph: Graph, variables: Mapping[str, np.ndarray] | None, name: str) -> None:
    """Give every variable the content that it has now, or shipped with; the state of recurrent
    layers stays a variable, which TFLM clears."""
    initialize = [op for op in graph.operators if op.name == InitializeVariables.CUSTOM_CODE]
    if len(initialize) != 1:
        raise ConverterError(f"{name}: {len(initialize)} INITIALIZE_VARIABLES, expected one")
    inputs = initialize[0].inputs
    names = [variable.name for variable in inputs[1::2] if variable is not None]
    if variables is not None and len(set(names)) != len(names):
        raise ConverterError(f"{name}: two of its variables have the same name")
    for initial, variable in zip(inputs[::2], inputs[1::2], strict=True):
        assert variable is not None
        # Without an initial value it is a fraction of a weight, which the forward pass never sees.
        variable.data = None if initial is None else initial.data
        variable.is_variable = False
        if variables is not None and variable.name in variables:
            content = variables[variable.name]
            if content.dtype != variable.dtype or content.shape != variable.shape:
                raise ConverterError(
                    f"{name}: variable {variable} cannot hold {content.dtype.name} "
                    f"{list(content.shape)}: it belongs to another model"
                )
            variable.data = content.copy()
    states = [tensor.name for tensor in graph.tensors() if tensor.is_variable]
    unknown = set(variables or {}) - {*names, *states}
    if unknown:
        raise ConverterError(f"{name}: has no variable {', '.join(sorted(unknown))}")


def _needed(graph: Graph) -> list[Operator]:
    """The operators that the graph's outputs depend on, in order."""
    wanted: set[int] = {id(tensor) for tensor in graph.outputs}
    needed: list[Operator] = []
    for operator in reversed(graph.operators):
        if any(id(tensor) in wanted for tensor in operator.outputs):
            needed.insert(0, operator)
            wanted |= {id(tensor) for tensor in operator.inputs if isinstance(tensor, Tensor)}
    return needed


def _repair_quantized_dimensions(graph: Graph) -> None:
    """Some models name an axis that their biases lack, which TFLM overlooks and LiteRT refuses."""
    for tensor in graph.tensors():
        quantization = tensor.quantization
        if quantization is not None and quantization.quantized_dimension >= len(tensor.shape) > 0:
            tensor.quantization = dataclasses.replace(quantization, quantized_dimension=0)


def _check_is_plain(model: Model, name: str) -> None:
    custom = sorted({op.name for op in model.graph.operators if op.is_custom})
    if any(code.startswith("TRAINING_") for code in custom):
        raise ConverterError(f"{name}: cannot be merged: {', '.join(custom)} remain")
