"""MEAN over any axes: dL/dx = dL/dy / count, broadcast over the reduced axes."""

from __future__ import annotations

from itertools import groupby

from converter.ir.activation import mask_bounds
from converter.ir.backward import Backward, Gradient
from converter.ir.training_ops import MeanGrad
from converter.model.graph import Operator
from converter.rules.constraint import Constraint, Refusal
from converter.rules.rule import OneMapRule, Wanted

_DIMS = 4
_AXES = Constraint("axes ... are not constant")
_ALTERNATING = Constraint("axes of input ... alternate too often; reduce in two steps")


def _folded(operator: Operator) -> list[tuple[int, bool]]:
    """(size, reduced) of the input's axes, neighbours that are alike merged, ones dropped."""
    source, axes = operator.inputs[0], operator.inputs[1]
    assert source is not None and axes is not None and axes.data is not None
    reduced = {int(a) % len(source.shape) for a in axes.data.reshape(-1)}
    dims = [(size, i in reduced) for i, size in enumerate(source.shape) if size != 1]
    folded: list[tuple[int, bool]] = []
    for is_reduced, group in groupby(dims, key=lambda dim: dim[1]):
        size = 1
        for dim in group:
            size *= dim[0]
        folded.append((size, is_reduced))
    return folded


class MeanRule(OneMapRule):
    operators = ("MEAN",)
    constraints = (_AXES, _ALTERNATING)

    def check(self, operator: Operator) -> Refusal | None:
        axes = operator.inputs[1]
        if axes is None or not axes.is_constant:
            return _AXES.broken(axes)
        if len(_folded(operator)) > _DIMS:
            return _ALTERNATING.broken(operator.inputs[0])
        return None

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        folded = _folded(operator)
        folded = [(1, False)] * (_DIMS - len(folded)) + folded
        masked_by = wanted.clamp.tensor if wanted.clamp else None
        minimum, maximum = mask_bounds(wanted.clamp)
        dims = {f"dim_{axis}": size for axis, (size, _) in enumerate(folded)}
        reduced = {f"reduced_{axis}": int(flag) for axis, (_, flag) in enumerate(folded)}
        return backward.emit_gradient(
            MeanGrad(**dims, **reduced, mask_min=minimum, mask_max=maximum),
            [gradient.mantissa, gradient.scale, masked_by],
            wanted.tensor,
            suffix=f"_from_{operator.output.name}",
            masked=masked_by is not None,
        )
