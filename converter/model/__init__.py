"""A TFLite model as an object graph: read it, edit it, write it."""

from converter.model.graph import Graph, Model, Operator, Quantization, Signature, Tensor
from converter.model.reader import read_model
from converter.model.writer import write_model

__all__ = [
    "Graph",
    "Model",
    "Operator",
    "Quantization",
    "Signature",
    "Tensor",
    "read_model",
    "write_model",
]
