"""Quick figure for the arena that a scheme needs, while many are compared.

It takes the operators in the order as given and places the tensors without the planner's search.
What is chosen is planned exactly afterwards (`converter.search.fit`), in no more arena.
"""

from __future__ import annotations

from converter.errors import ConverterError
from converter.memory import CORTEX_M, OFFLINE_PLAN, predict_arena
from converter.passes.training_graph import Lowering, Source, build_training_graph
from converter.planning.placement import height
from converter.planning.plan import offline_plan
from converter.planning.problem import build_problem
from converter.planning.search import quick_placement
from converter.search.scheme import Scheme

NEVER = 1 << 62
_ALIGNMENT = 16

Key = tuple[tuple[int, bool, int], ...]


def scheme_key(scheme: Scheme) -> Key:
    """What two equal schemes have in common."""
    return tuple((i, update.bias, update.channels) for i, update in sorted(scheme.items()))


class Estimator:
    """Remembers what it has built; `evaluations` counts the builds."""

    def __init__(self, source: Source, lowering: Lowering) -> None:
        self._source = source
        self.lowering = lowering
        self._known: dict[Key, int] = {}

    @property
    def evaluations(self) -> int:
        return len(self._known)

    def arena(self, scheme: Scheme) -> int:
        """Bytes, NEVER for a scheme that cannot be differentiated."""
        key = scheme_key(scheme)
        if key not in self._known:
            self._known[key] = self._estimate(scheme)
        return self._known[key]

    def _estimate(self, scheme: Scheme) -> int:
        try:
            model = build_training_graph(self._source, scheme, self.lowering).model
        except ConverterError:
            return NEVER
        problem = build_problem(model.graph, CORTEX_M)
        # With everything at offset 0, start-up alone decides what is the smallest arena.
        model.metadata[OFFLINE_PLAN] = offline_plan(model, problem, [0] * len(problem.items))
        flat = predict_arena(model, CORTEX_M)
        head = height(problem, quick_placement(problem))
        needed = max(flat.smallest_arena, flat.tail + head)
        return -(-needed // _ALIGNMENT) * _ALIGNMENT
