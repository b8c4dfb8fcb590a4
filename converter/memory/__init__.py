"""Prediction of the arena that TFLite Micro needs, exact to the byte."""

from converter.memory.arena import ArenaEstimate, ScratchMemory, TensorMemory, predict_arena
from converter.memory.lifetimes import OFFLINE_PLAN, Lifetime
from converter.memory.targets import CORTEX_M, HOST_64, Target

__all__ = [
    "CORTEX_M",
    "HOST_64",
    "OFFLINE_PLAN",
    "ArenaEstimate",
    "Lifetime",
    "ScratchMemory",
    "Target",
    "TensorMemory",
    "predict_arena",
]
