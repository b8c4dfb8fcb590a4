"""Reverse-mode differentiation of a graph, at conversion.

The walk visits only operators between a trained layer and the loss, so what a sparse
scheme does not need is never made: no gradient operator before the first trained layer, no
filter gradient for a frozen one.
"""

from __future__ import annotations

from collections import defaultdict

from converter.errors import ConverterError, NoGradientError
from converter.ir.activation import Clamp, clamp_of
from converter.ir.backward import Backward, Gradient
from converter.model.graph import Graph, Operator, Tensor
from converter.rules import LayerUpdate, Rule, refusal, rule_of
from converter.rules.constraint import POSITIONS
from converter.rules.rule import Wanted

Updates = dict[int, LayerUpdate]
"""id(operator) -> what it trains."""


class Differentiator:
    """Emits the backward pass of one graph.

    loss_input: the tensor that the loss reads; gradient_bits: 16 or 8, the width of a
    mantissa. `path` then holds the operators between a trained layer and the loss. Raises
    NoGradientError if one of them has no rule or fails its check, ConverterError if a
    trained layer does not reach the loss.
    """

    def __init__(
        self, graph: Graph, loss_input: Tensor, updates: Updates, gradient_bits: int = 16
    ) -> None:
        self._updates = updates
        self._most_bits = gradient_bits - 1  # one is the sign
        self._producer = {id(o): op for op in graph.operators for o in op.outputs}
        ancestors = self._ancestors(loss_input)
        self._carries: set[int] = set()
        self.path: list[Operator] = []
        for operator in graph.operators:
            trained = id(operator) in updates
            if trained and id(operator) not in ancestors:
                raise ConverterError(
                    f"{operator.name} {operator.output} is to be trained but does not reach "
                    "the loss; leave it out of the update"
                )
            if id(operator) not in ancestors:
                continue
            if trained or any(id(t) in self._carries for t in operator.inputs):
                self._carries.update(id(t) for t in operator.outputs)
                self.path.append(operator)
        self._contributions: defaultdict[int, int] = defaultdict(int)
        for operator in self.path:
            _require_rule(operator)
            for _, tensor in self._carrying_inputs(operator):
                self._contributions[id(tensor)] += 1
        self._bits: dict[int, int] = {}

    def gradient_bits(self, tensor: Tensor) -> int:
        """The most bits that every reader of the tensor's gradient can take."""
        if id(tensor) not in self._bits:
            producer = self._producer.get(id(tensor))
            if producer is None or id(tensor) not in self._carries:
                bits = self._most_bits
            else:
                update = self._updates.get(id(producer))
                bits = _require_rule(producer).output_gradient_bits(producer, update, self)
                if bits < 1:
                    raise NoGradientError(
                        f"{producer.name} {producer.output} cannot be trained: {POSITIONS.broken()}"
                    )
            self._bits[id(tensor)] = min(bits, self._most_bits)
        return self._bits[id(tensor)]

    def run(self, loss_input: Tensor, loss_gradient: Gradient, backward: Backward) -> None:
        """Append the gradients and updates to `backward`; loss_gradient is that of loss_input."""
        parts: defaultdict[int, list[Gradient]] = defaultdict(list)
        parts[id(loss_input)].append(loss_gradient)
        for operator in reversed(self.path):
            rule = _require_rule(operator)
            output = operator.output
            gradient = backward.total(
                output, parts.pop(id(output)), self._clamp(output), self.gradient_bits(output)
            )
            # Input gradients first: they need the weights of the forward pass.
            for index, tensor in self._carrying_inputs(operator):
                single = self._contributions[id(tensor)] == 1 and tensor is not loss_input
                wanted = Wanted(
                    tensor,
                    self._clamp(tensor) if single else None,
                    self.gradient_bits(tensor),
                )
                parts[id(tensor)].append(
                    rule.input_gradient(operator, index, gradient, wanted, backward)
                )
            update = self._updates.get(id(operator))
            if update is not None:
                rule.update(operator, update, gradient, backward)

    def _ancestors(self, tensor: Tensor) -> set[int]:
        found: set[int] = set()
        pending = [tensor]
        while pending:
            operator = self._producer.get(id(pending.pop()))
            if operator is not None and id(operator) not in found:
                found.add(id(operator))
                pending.extend(t for t in operator.inputs if t is not None)
        return found

    def _carrying_inputs(self, operator: Operator) -> list[tuple[int, Tensor]]:
        return [
            (i, t)
            for i, t in enumerate(operator.inputs)
            if t is not None and id(t) in self._carries
        ]

    def _clamp(self, tensor: Tensor) -> Clamp | None:
        """The clamp that the values of `tensor` have gone through."""
        source = tensor
        while (producer := self._producer.get(id(source))) is not None:
            rule = rule_of(producer.name)
            if rule is None:
                return None
            if not rule.passes_values(producer):
                clamp = clamp_of(producer.output, rule.output_clamp(producer))
                return clamp and Clamp(tensor, clamp.minimum, clamp.maximum)
            assert producer.inputs[0] is not None
            source = producer.inputs[0]
        return None


def _require_rule(operator: Operator) -> Rule:
    rule = None if operator.is_custom else rule_of(operator.name)
    reason = refusal(operator)
    if rule is None or reason:
        raise NoGradientError(
            f"{operator.name} {operator.output} cannot be trained through: {reason}"
        )
    return rule
