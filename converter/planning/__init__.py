"""Plans the head of the arena: the order of the operators, and where each tensor lies."""

from converter.planning.plan import Plan, plan_memory

__all__ = ["Plan", "plan_memory"]
