"""Turns trained constants into variables in the arena.

TFLM zeroes variables when it is reset, so the first operator of the graph,
INITIALIZE_VARIABLES, copies their initial values out of the flatbuffer before anything else.
"""

from __future__ import annotations

import dataclasses

from converter.ir.backward import training_operator
from converter.ir.training_ops import InitializeVariables
from converter.model.graph import Graph, Operator, Quantization, Tensor
from converter.rules.convolution import bias_of


def make_variables(graph: Graph, trained: list[Tensor], zeroed: list[Tensor]) -> None:
    """Replace each constant of `trained` by a variable of the same name, shape and
    quantisation wherever the graph reads it, and put the initialisation first, which also
    clears the variables `zeroed`."""
    inputs: list[Tensor | None] = []
    for initial in trained:
        # Without quantisation parameters a variable can crash TFLM's Reset().
        quantization = initial.quantization or Quantization.per_tensor(1.0, 0)
        variable = dataclasses.replace(
            initial, data=None, is_variable=True, quantization=quantization
        )
        graph.replace(initial, variable)
        initial.name = f"{initial.name}/initial"
        initial.quantization = None  # the variable has it
        inputs += [initial, variable]
    for variable in zeroed:
        inputs += [None, variable]
    graph.operators.insert(0, training_operator(InitializeVariables(), inputs, []))


def unshare_biases(graph: Graph, trained: list[Operator]) -> None:
    """Give every trained layer a bias tensor of its own.

    TFLite's converter lets layers share one constant where biases happen to be equal
    (all zero, say); trained, they part ways. Shared filters stay shared: that is
    weight tying.
    """
    for number, operator in enumerate(trained):
        bias = bias_of(operator)
        if bias is None or len(graph.consumers(bias)) == 1:
            continue
        own = dataclasses.replace(bias, name=f"{bias.name}#{number}")
        operator.inputs = [own if t is bias else t for t in operator.inputs]
