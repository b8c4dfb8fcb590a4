"""Pictures of a training run: learning curves and the confusion matrix. Drawn without a display."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from tflm_training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

FORMATS = ("png", "svg")

_DPI = 130
_TRAIN_COLOR, _TEST_COLOR = "#3182bd", "#e6550d"
_CURVES_INCHES = (6.0, 6.4)
# Of a cell of the confusion matrix, so that a count of five digits fits, and of what is around.
_CELL_INCHES = 0.42
_MARGIN_INCHES = 1.9
_SMALLEST_MATRIX_INCHES, _LARGEST_MATRIX_INCHES = 5.0, 12.0
# Cells of more classes are too small for their counts, and then not every class has its name.
_MAX_CLASSES_WITH_COUNTS = 24
_MAX_NAME = 16
_COUNT_POINTS = 7.5


@dataclasses.dataclass(frozen=True)
class LearningCurves:
    """before, after: what `Trainer.evaluate` said of the test split."""

    history: History
    before: dict[str, float]
    after: dict[str, float]


def training_image(
    title: str,
    curves: LearningCurves,
    matrix: np.ndarray | None,
    names: Sequence[str],
    image_format: str,
) -> bytes:
    """Learning curves and, unless it is None, the confusion matrix of the test split beside them,
    as a file of one of FORMATS.

    matrix: int64 [classes, classes], rows are true classes; names: of all classes.
    """
    with _drawing():
        width, height = _CURVES_INCHES
        if matrix is None:
            figure = _figure(title, (width, height))
            _draw_curves(figure, curves)
        else:
            side = _matrix_inches(len(matrix))
            figure = _figure(title, (width + side, max(height, side)))
            left, right = figure.subfigures(1, 2, width_ratios=(width, side), squeeze=False)[0]
            _draw_curves(left, curves)
            _draw_matrix(right.subplots(), matrix, names, "test split, after training")
        return _content(figure, image_format)


def confusion_matrix_image(
    title: str, matrix: np.ndarray, names: Sequence[str], image_format: str
) -> bytes:
    """The confusion matrix alone, as `training_image` has it."""
    with _drawing():
        side = _matrix_inches(len(matrix))
        figure = _figure(title, (side, side))
        _draw_matrix(figure.subplots(), matrix, names, "test split")
        return _content(figure, image_format)


def _drawing() -> AbstractContextManager[None]:
    from matplotlib import rc_context

    # Names in an SVG come from a hash; a salt makes equal pictures equal files. A '$' in a name
    # starts no formula.
    return rc_context({"svg.hashsalt": "training", "text.parse_math": False})


def _figure(title: str, size: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def _content(figure: Figure, image_format: str) -> bytes:
    content = io.BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None}}
    figure.savefig(content, format=image_format, dpi=_DPI, metadata=metadata[image_format])
    return content.getvalue()


def _matrix_inches(classes: int) -> float:
    inches = _MARGIN_INCHES + _CELL_INCHES * classes
    return min(max(inches, _SMALLEST_MATRIX_INCHES), _LARGEST_MATRIX_INCHES)


def _draw_curves(figure: FigureBase, curves: LearningCurves) -> None:
    keys = [key for key in ("loss", "accuracy") if key in curves.history.history]
    panels = figure.subplots(len(keys), 1, sharex=True, squeeze=False)[:, 0]
    for axes, key in zip(panels, keys, strict=True):
        _draw_curve(axes, curves, key)
    panels[-1].set_xlabel("epoch")
    panels[0].legend(fontsize=8, frameon=False)


def _draw_curve(axes: Axes, curves: LearningCurves, key: str) -> None:
    """One value per epoch in training, and the same of the test split before and after."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [epoch + 1 for epoch in curves.history.epoch]
    axes.plot(
        epochs, curves.history.history[key], color=_TRAIN_COLOR, marker="o", markersize=3.5,
        label="training, mean over the epoch",
    )  # fmt: skip
    ends = (epochs[0] - 1, epochs[-1])
    values = (curves.before[key], curves.after[key])
    axes.plot(
        ends, values, color=_TEST_COLOR, linestyle="none", marker="D", markersize=6,
        label="test split, before and after",
    )  # fmt: skip
    for x, value in zip(ends, values, strict=True):
        axes.annotate(
            f"{100 * value:.1f} %" if key == "accuracy" else f"{value:.4g}",
            (x, value), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8,
            color=_TEST_COLOR, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.set_ylabel(key)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.12)
    if key == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylim(0.0, 1.1)
        axes.set_yticks(np.linspace(0.0, 1.0, 6))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_matrix(axes: Axes, matrix: np.ndarray, names: Sequence[str], split: str) -> None:
    """Counts as numbers, their share of the true class as colour."""
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    right, total = int(np.trace(matrix)), int(totals.sum())
    axes.set_title(f"{split}: {right} of {total} right, {100 * right / total:.1f} %", fontsize=10)
    axes.set_xlabel("predicted class (colour: share of the true class)")
    axes.set_ylabel("true class")
    classes = len(matrix)
    shown = range(0, classes, -(-classes // _MAX_CLASSES_WITH_COUNTS))
    labels = [_short(names[i]) for i in shown]
    upright = max(len(label) for label in labels) > 2
    axes.set_xticks(shown, labels, rotation=90 if upright else 0, fontsize=8)
    axes.set_yticks(shown, labels, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if classes > _MAX_CLASSES_WITH_COUNTS:
        return
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#d9d9d9", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        axes.text(
            column, row, str(matrix[row, column]), ha="center", va="center",
            fontsize=_COUNT_POINTS, color="white" if shares[row, column] > 0.5 else "black",
        )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}\u2026"
