"""Makes a scheme fit: lowers no further than the budget asks for."""

from __future__ import annotations

import dataclasses

from converter.errors import ConverterError
from converter.passes.accumulation import check_samples
from converter.passes.training_graph import (
    Lowering,
    Source,
    TrainingGraph,
    build_training_graph,
)
from converter.planning import Plan, plan_memory
from converter.search.scheme import Scheme


@dataclasses.dataclass(frozen=True)
class Limit:
    """What a conversion may take. budget: bytes of arena on Cortex-M, None for no limit;
    gradient_bits: 16 or 8, None to take 8 where the budget asks for it; weight_bits: 8 or 16;
    accumulate: samples whose gradients make one update, 1..MAX_SAMPLES. Raises ConverterError for
    another number."""

    budget: int | None = None
    gradient_bits: int | None = None
    weight_bits: int = 8
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget <= 0:
            raise ConverterError(f"--budget {self.budget}: must be a positive number of bytes")
        if self.gradient_bits not in (None, 8, 16):
            raise ConverterError(f"--gradient_bits {self.gradient_bits}: must be 8 or 16")
        if self.weight_bits not in (8, 16):
            raise ConverterError(f"--weight_bits {self.weight_bits}: must be 8 or 16")
        check_samples(self.accumulate)

    def holds(self, plan: Plan) -> bool:
        return self.budget is None or plan.arena.smallest_arena <= self.budget

    def lowerings(self) -> list[Lowering]:
        """From the one that changes least to the one that saves most."""
        widths = [16, 8] if self.gradient_bits is None else [self.gradient_bits]
        steps = [(False, widths[0]), *((True, width) for width in widths)]
        return [Lowering(whole, width, self.weight_bits, self.accumulate) for whole, width in steps]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A scheme as a planned training graph."""

    training: TrainingGraph
    plan: Plan
    lowering: Lowering


def fit(source: Source, scheme: Scheme, limit: Limit, is_draft: bool = False) -> Fitted:
    """The first lowering with which the scheme fits, or the smallest of all if none does. A
    draft is not planned further than to know whether it fits.

    Raises NoGradientError if a rule is missing on the way.
    """
    smallest: Fitted | None = None
    enough = limit.budget if is_draft and limit.budget is not None else 0
    for lowering in limit.lowerings():
        training = build_training_graph(source, scheme, lowering)
        fitted = Fitted(training, plan_memory(training.model, enough=enough), lowering)
        if limit.holds(fitted.plan):
            return fitted
        if smallest is None or _needs(fitted) < _needs(smallest):
            smallest = fitted
    assert smallest is not None
    return smallest


def _needs(fitted: Fitted) -> int:
    return fitted.plan.arena.smallest_arena
