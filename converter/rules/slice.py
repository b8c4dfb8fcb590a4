"""PAD and CONCATENATION: the input sits in the output as a box, and its gradient is that
box of the output's gradient (GRADIENT_SLICE)."""

from __future__ import annotations

from converter.ir.activation import mask_bounds
from converter.ir.backward import Backward, Gradient
from converter.ir.training_ops import GradientSlice
from converter.model.graph import Operator
from converter.rules.constraint import Constraint, Refusal
from converter.rules.rule import BaseRule, LayerUpdate, Limits, Wanted

_DIMS = 4
_PADDINGS = Constraint("paddings ... are not constant")
_AXES = Constraint("output ... has too many axes; at most four may be padded")


def _begin(operator: Operator, index: int) -> list[int]:
    """Where inputs[index] starts in the output, per axis."""
    if operator.name == "CONCATENATION":
        rank = len(operator.output.shape)
        axis = int(operator.options.axis) % rank
        before = sum(t.shape[axis] for t in operator.inputs[:index] if t is not None)
        return [before if i == axis else 0 for i in range(rank)]
    paddings = operator.inputs[1]
    assert paddings is not None and paddings.data is not None
    return [int(v) for v in paddings.data.reshape(-1, 2)[:, 0]]


def _folded(operator: Operator, index: int) -> list[tuple[int, ...]]:
    """(dim, begin, size) per axis of the output, an untouched axis merged into the one before."""
    tensor = operator.inputs[index]
    assert tensor is not None
    folded: list[tuple[int, ...]] = []
    for dim, begin, size in zip(
        operator.output.shape, _begin(operator, index), tensor.shape, strict=True
    ):
        if dim == size and folded:
            # A box of the outer axis times a whole inner axis is a box of their product.
            folded[-1] = tuple(value * dim for value in folded[-1])
        else:
            folded.append((dim, begin, size))
    return folded


class SliceRule(BaseRule):
    operators = ("PAD", "PADV2", "CONCATENATION")
    constraints = (_PADDINGS, _AXES)

    def check(self, operator: Operator) -> Refusal | None:
        if operator.name != "CONCATENATION" and (
            operator.inputs[1] is None or not operator.inputs[1].is_constant
        ):
            return _PADDINGS.broken(operator.inputs[1])
        if len(_folded(operator, 0)) > _DIMS:
            return _AXES.broken(operator.output)
        return None

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        sources = operator.inputs if operator.name == "CONCATENATION" else operator.inputs[:1]
        return min(limits.gradient_bits(t) for t in sources if t is not None)

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        folded = _folded(operator, index)
        folded = [(1, 0, 1)] * (_DIMS - len(folded)) + folded
        masked_by = wanted.clamp.tensor if wanted.clamp else None
        minimum, maximum = mask_bounds(wanted.clamp)
        box = {
            f"{field}_{axis}": value
            for axis, values in enumerate(folded)
            for field, value in zip(("dim", "begin", "size"), values, strict=True)
        }
        return backward.emit_gradient(
            GradientSlice(**box, mask_min=minimum, mask_max=maximum),
            [gradient.mantissa, gradient.scale, masked_by],
            wanted.tensor,
            suffix=f"_from_{operator.output.name}_{index}",
            masked=masked_by is not None,
        )
