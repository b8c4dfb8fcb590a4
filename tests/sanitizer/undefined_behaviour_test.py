"""No kernel comes to undefined behaviour in any parity case or at the edge of any bound; one past
the edge the sums do overflow."""

from __future__ import annotations

import pytest

from tests.bounds.edges import EDGES, Edge
from tests.cortex_m.parity_operators import recorded
from tests.cortex_m.parity_test import operators
from tests.sanitizer.replay import UndefinedBehaviourError, build, replay

for_both_kernels = pytest.mark.parametrize("dsp", [False, True], ids=["plain", "dsp"])
_SUMS = [edge for edge in EDGES if edge.past and edge.bound.startswith("sum of products")]
_SUMS += [edge for edge in EDGES if edge.past and edge.bound == "sum over positions"]


@for_both_kernels
def test_parity_cases(dsp: bool) -> None:
    assert replay(build(dsp), operators()) == []


@for_both_kernels
def test_edges_of_the_bounds(dsp: bool) -> None:
    assert replay(build(dsp), [recorded(edge.make(edge.edge)) for edge in EDGES]) == []


@pytest.mark.parametrize("edge", _SUMS, ids=lambda e: f"{e.operator.CUSTOM_CODE}-{e.edge}")
def test_past_the_edge_a_sum_overflows(edge: Edge) -> None:
    with pytest.raises(UndefinedBehaviourError, match="signed integer overflow"):
        replay(build(False), [recorded(edge.make(edge.edge + 1))])
