"""What an operator must keep to so that gradients can pass through it."""

from __future__ import annotations

import dataclasses

_GAP = "..."


class Refusal(str):
    """A broken constraint, in words that name the tensor."""

    constraint: Constraint


@dataclasses.dataclass(frozen=True)
class Constraint:
    """text: the error that the user sees, `...` for what differs, as SUPPORTED_OPS.md quotes it."""

    text: str

    def broken(self, *values: object) -> Refusal:
        """The error, `values` in the gaps."""
        pieces = self.text.split(_GAP)
        assert len(pieces) == len(values) + 1
        filled = [text for pair in zip(pieces, map(str, values), strict=False) for text in pair]
        refusal = Refusal("".join([*filled, pieces[-1]]))
        refusal.constraint = self
        return refusal


NOT_INT8 = Constraint("tensor ... is not int8; quantise the model to full int8")
UNQUANTISED = Constraint("tensor ... has no quantisation; quantise the model to full int8")
SCALE = Constraint("tensor ... has a scale that is not a positive normal number")
BATCH = Constraint("input ... has batch ...; export the model with batch 1")
ACTIVATION = Constraint("fused activation ... has no gradient rule; use NONE, RELU or RELU6")
EXTENT = Constraint(
    "an extent, stride or dilation of ... at ... is more than the 32767 that the training "
    "operators index"
)
POSITIONS = Constraint("its gradient has too many positions for an int32 sum; freeze it")
NO_RULE = Constraint("it has no gradient rule")
