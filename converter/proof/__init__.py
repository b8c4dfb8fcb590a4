"""The proof that no integer of a training graph can overflow."""

from converter.proof.prove import check_bounds, prove, prove_sizes
from converter.proof.table import BOUNDS, Bound, bounds_of

__all__ = ["BOUNDS", "Bound", "bounds_of", "check_bounds", "prove", "prove_sizes"]
