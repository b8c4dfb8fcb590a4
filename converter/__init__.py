"""Converts a stock int8 TFLite model into a training flatbuffer for TensorFlow Lite Micro."""

from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError

__all__ = ["ConverterError", "TrainingModel", "convert"]
