"""The way back: from a training flatbuffer and its trained weights to an inference model."""

from converter.merge.merge import merge

__all__ = ["merge"]
