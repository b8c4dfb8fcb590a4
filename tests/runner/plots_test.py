"""--plot of `train` and `eval`: what is drawn, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.command_line import error_of
from tflm_training import History, plots
from tflm_training.cli import main
from tflm_training.data import DataError, class_names

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = ["ant", "$bee$", "cat"]


def _train(*arguments: object) -> int:
    return main(["train", *map(str, arguments), "--epochs", "2", "--quiet"])


def _texts(svg: Path) -> set[str]:
    """What is written in an SVG: matplotlib draws outlines and keeps the text as a comment."""
    lines = (line.strip() for line in svg.read_text().splitlines())
    return {line[5:-4] for line in lines if line.startswith("<!-- ") and line.endswith(" -->")}


@pytest.fixture
def named_data(data_file: Path) -> Path:
    """The samples with names of their classes."""
    with np.load(data_file) as arrays:
        content = dict(arrays)
    np.savez(data_file, **content, classes=np.array(NAMES))
    return data_file


def test_train(model_file: Path, named_data: Path, tmp_path: Path) -> None:
    svg, again, png = tmp_path / "a.svg", tmp_path / "b.svg", tmp_path / "c.png"
    for path in (svg, again, png):
        assert _train(model_file, "--data", named_data, "--plot", path) == 0
    assert png.read_bytes().startswith(PNG)
    assert svg.read_bytes() == again.read_bytes()
    written = _texts(svg)
    assert {"loss", "accuracy", "epoch", "true class", str(model_file), *NAMES} <= written
    assert any(text.startswith("test split, after training: ") for text in written)


def test_eval(model_file: Path, data_file: Path, tmp_path: Path) -> None:
    svg, png = tmp_path / "a.svg", tmp_path / "b.png"
    for path in (svg, png):
        command = ["eval", model_file, "--data", data_file, "--plot", path, "--quiet"]
        assert main([str(a) for a in command]) == 0
    assert png.read_bytes().startswith(PNG)
    written = _texts(svg)
    assert {"true class", "0", "1", "2"} <= written and "epoch" not in written
    assert any(text.startswith("test split: ") and " of 30 right, " in text for text in written)


def test_an_autoencoder_has_curves_only(
    autoencoder: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data, svg = tmp_path / "m.tflite", tmp_path / "d.npz", tmp_path / "a.svg"
    model.write_bytes(autoencoder)
    x = np.random.default_rng(0).normal(0.0, 3.0, (20, 4))
    np.savez(data, x_train=x, x_test=x, classes=np.array(NAMES))
    assert _train(model, "--data", data, "--plot", svg) == 0
    written = _texts(svg)
    assert {"loss", "epoch"} <= written and not {"accuracy", "true class"} & written
    error = error_of(capsys, "eval", model, "--data", data, "--plot", tmp_path / "b.svg")
    assert error == "--plot: a model with the mean squared error has no confusion matrix"


@pytest.mark.parametrize("command", ["train", "eval"])
def test_what_is_refused(
    command: str,
    model_file: Path,
    data_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = tmp_path / "there.png"
    there.write_text("mine")
    start = (command, model_file, "--data", data_file)
    assert "exists already (--overwrite" in error_of(capsys, *start, "--plot", there)
    assert there.read_text() == "mine"
    assert main([*map(str, start), "--plot", str(there), "--overwrite", "--quiet"]) == 0
    assert there.read_bytes().startswith(PNG)
    for name in ("map.jpeg", "map"):
        error = error_of(capsys, *start, "--plot", tmp_path / name)
        assert error == f"--plot {tmp_path / name}: must end in .png or .svg"
    same = tmp_path / "same.png"
    error = error_of(capsys, *start, "--plot", same, "--json", same)
    assert error == f"{same}: --plot and --json name the same file"
    assert "not a file in an existing" in error_of(
        capsys, *start, "--plot", tmp_path / "no" / "a.png"
    )
    if command == "train":
        error = error_of(capsys, *start, "--plot", same, "--save", same)
        assert error == f"{same}: --save and --plot name the same file"
    assert not same.exists()


def test_class_names(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"

    def names(**arrays: np.ndarray) -> list[str]:
        np.savez(path, **arrays)
        return class_names(str(path), 3)

    assert names(x_test=np.zeros(1)) == ["0", "1", "2"]
    assert names(classes=np.array(NAMES)) == NAMES
    assert names(classes=np.array([7, 9])) == ["7", "9", "2"]
    for wrong in (np.array(list("abcd")), np.array([["a", "b", "c"]]), np.ones(3)):
        with pytest.raises(DataError, match="classes: .* expected at most 3 names"):
            names(classes=wrong)
    with pytest.raises(DataError, match="not a readable .npz file .Object arrays cannot be loaded"):
        names(classes=np.array(["a", None], object))


def test_class_names_in_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, classes=np.array(NAMES))
    content = bytearray(path.read_bytes())
    content[content.index(np.array(NAMES).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"d.npz: not a readable .npz file \(Bad CRC-32"):
        class_names(path, 3)


def test_wrong_class_names_are_refused_before_training(
    model_file: Path, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(data_file) as arrays:
        content = dict(arrays)
    np.savez(data_file, **content, classes=np.array(list("abcd")))
    for command in ("train", "eval"):
        start = (command, model_file, "--data", data_file)
        assert "at most 3 names" in error_of(capsys, *start, "--plot", tmp_path / "a.svg")
        assert main([*map(str, start), "--quiet"]) == 0


def _drawn(classes: int) -> Figure:
    matrix = np.full((classes, classes), 10000)
    figure = Figure(layout="constrained", figsize=(plots._matrix_inches(classes),) * 2)
    FigureCanvasAgg(figure)
    plots._draw_matrix(figure.subplots(), matrix, ["a long name of a class"] * classes, "test")
    figure.canvas.draw()
    return figure


def test_twenty_classes_are_readable() -> None:
    """Counts of five digits stay inside their cells, names apart from each other."""
    axes = _drawn(20).axes[0]
    cell = axes.get_window_extent().width / 20
    assert len(axes.texts) == 400
    assert all(text.get_window_extent().width < 0.98 * cell for text in axes.texts)
    for labels, side in ((axes.get_xticklabels(), "width"), (axes.get_yticklabels(), "height")):
        assert len(labels) == 20
        assert all(getattr(label.get_window_extent(), side) < 0.8 * cell for label in labels)
        assert {label.get_text() for label in labels} == {"a long name of \u2026"}


def test_many_classes_have_colours_and_some_names() -> None:
    axes = _drawn(100).axes[0]
    assert len(axes.texts) == 0 and len(axes.get_xticklabels()) == 20


def test_a_class_without_samples() -> None:
    matrix = np.array([[3, 1], [0, 0]])
    assert plots.confusion_matrix_image("title", matrix, ["a", "b"], "png").startswith(PNG)


def test_curves_of_one_epoch() -> None:
    history = History()
    history.append(4, {"loss": 0.5})
    ends = {"loss": 1.0, "mse": 1.0}, {"loss": 0.25, "mse": 0.2}
    curves = plots.LearningCurves(history, *ends)
    assert plots.training_image("title", curves, None, [], "png").startswith(PNG)
