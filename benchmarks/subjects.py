"""A model to train with real samples for it: the bundled one, or a keyword spotter at hand."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import converter
from benchmarks.arguments import folder
from converter.cli import parse_bytes
from examples.digits.data import handwritten_digits
from examples.digits.demo import BUDGET, MODEL
from tflm_training.data import load_npz

_KWS = "kws_ref_model"


@dataclasses.dataclass(frozen=True)
class Subject:
    """A training flatbuffer, samples x [N, ...] and labels y [N] in [0, classes)."""

    title: str
    flatbuffer: bytes
    x: np.ndarray
    y: np.ndarray
    classes: int

    def drawn(self, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """x [steps, ...], y [steps]: each sample as often as any other or once more."""
        generator = np.random.default_rng(seed)
        epochs = -(-steps // len(self.x))
        order = np.concatenate([generator.permutation(len(self.x)) for _ in range(epochs)])
        return self.x[order[:steps]], self.y[order[:steps]]


def digits(weight_bits: int = 8) -> Subject:
    """The model of examples/digits, of printed digits, with handwritten ones."""
    data = handwritten_digits()
    converted = converter.convert(MODEL.read_bytes(), parse_bytes(BUDGET), weight_bits=weight_bits)
    title = f"digits, auto, {BUDGET}, {weight_bits}-bit weights"
    return Subject(title, converted.flatbuffer, data["x_train"], data["y_train"], 10)


def kws(models: Path, data: Path, weight_bits: int = 8) -> Subject:
    """The last four layers of MLPerf Tiny's keyword spotter, with words of kws01.npz."""
    content = (models / f"{_KWS}.tflite").read_bytes()
    converted = converter.convert(
        content, 256 << 10, update="last:4", weight_bits=weight_bits, name=_KWS
    )
    dataset = load_npz(data / "kws01.npz")
    assert dataset.y_train is not None
    title = f"{_KWS}, last:4, {weight_bits}-bit weights"
    return Subject(title, converted.flatbuffer, dataset.x_train, dataset.y_train, 12)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `chosen` reads."""
    parser.add_argument("--models", type=folder, help=f"folder with {_KWS}.tflite")
    parser.add_argument("--data", type=folder, help="folder with kws01.npz")
    parser.add_argument("--weight_bits", type=_weight_bits, default=(8,), help="8, 16 or 8,16")


def _weight_bits(text: str) -> tuple[int, ...]:
    widths = tuple(int(part) for part in text.split(","))
    if not set(widths) <= {8, 16}:
        raise argparse.ArgumentTypeError(f"{text}: must be 8, 16 or 8,16")
    return widths


def chosen(options: argparse.Namespace) -> Iterator[Subject]:
    """digits, or kws if the options name its folders, in each width."""
    for weight_bits in options.weight_bits:
        if options.models is not None and options.data is not None:
            yield kws(options.models, options.data, weight_bits)
        else:
            yield digits(weight_bits)
