"""Converts a stock int8 TFLite model into a training flatbuffer for TensorFlow Lite Micro."""

from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError
from converter.report.html_report import html_report

__all__ = ["ConverterError", "TrainingModel", "convert", "html_report"]
