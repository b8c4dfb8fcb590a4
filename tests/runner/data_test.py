"""The rules for data sets: what is accepted, and the one line that refuses the rest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tflm_training import data
from tflm_training.data import DataError


@dataclasses.dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    dtype: np.dtype = np.dtype(np.int8)
    scale: float = 0.5
    zero_point: int = 10


def _prepared(values: np.ndarray, tensor: _Tensor) -> list[float]:
    return data.prepare("x", values, tensor).reshape(-1).tolist()


def test_int8_is_taken_as_quantised() -> None:
    values = np.array([[-128, 0, 127]], np.int8)
    assert _prepared(values, _Tensor((1, 3))) == [-128, 0, 127]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_rounded_half_away_from_zero_and_clamped(dtype: type) -> None:
    values = np.array([[0.0, 0.25, -0.25, 0.74, 1000.0, -1000.0]], dtype)
    assert _prepared(values, _Tensor((1, 6))) == [10, 11, 9, 11, 127, -128]


def test_uint8_images_are_shifted() -> None:
    values = np.array([[0, 128, 255]], np.uint8)
    assert _prepared(values, _Tensor((1, 3))) == [-128, 0, 127]


def test_uint8_and_float_inputs_pass_through() -> None:
    image = np.array([[0, 255]], np.uint8)
    assert _prepared(image, _Tensor((1, 2), np.dtype(np.uint8))) == [0, 255]
    real = np.array([[0.125, 3.0]], np.float64)
    passed = data.prepare("x", real, _Tensor((1, 2), np.dtype(np.float32), 0.0, 0))
    assert passed.dtype == np.float32 and passed.tolist() == [[[0.125, 3.0]]]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 1), (5, 1, 4, 3)])
def test_axes_of_length_one_come_and_go(shape: tuple[int, ...]) -> None:
    values = np.arange(60).reshape(shape).astype(np.int8)
    prepared = data.prepare("x", values, _Tensor((1, 4, 3, 1)))
    assert prepared.shape == (5, 1, 4, 3, 1)
    assert np.array_equal(prepared.reshape(-1), values.reshape(-1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 3, 4), np.int8), "x: shape [5, 3, 4], expected [N, 4, 3]"),
        (np.zeros((5, 12), np.int8), "x: shape [5, 12], expected [N, 4, 3]"),
        (np.zeros((4, 3), np.int8), "x: shape [4, 3], expected [N, 4, 3]"),
        (np.int8(3), "x: shape [], expected [N, 4, 3]"),
        (np.zeros((0, 4, 3), np.int8), "x: no samples"),
        (np.zeros((2, 4, 3), np.int64), "x: dtype int64, expected int8 or float or uint8"),
        (np.zeros((2, 4, 3), bool), "x: dtype bool, expected int8 or float or uint8"),
    ],
)
def test_a_wrong_array_is_named(values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError) as caught:
        data.prepare("x", values, _Tensor((1, 4, 3)))
    assert str(caught.value) == message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    values = np.zeros((5, 3), np.float32)
    values[2, 1] = bad
    with pytest.raises(DataError, match=r"^x: sample 2 holds NaN or infinity$"):
        data.prepare("x", values, _Tensor((1, 3)))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_labels_of_any_integer_dtype(dtype: type, shape: tuple[int, ...]) -> None:
    labels = data.prepare_labels("y", np.array([0, 2, 1], dtype).reshape(shape), 3, 3)
    assert labels.dtype == np.int32 and labels.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1, 3]), "y[2] is 3, labels are in [0, 3)"),
        (np.array([0, -1, 7]), "y[1] is -1, labels are in [0, 3)"),
        (np.array([0, 1]), "y: 2 samples, but x has 3"),
        (np.array([0.0, 1.0, 2.0]), "y: dtype float64, labels are integers"),
        (np.zeros((3, 2), int), "y: shape [3, 2], expected [3]"),
        (
            np.eye(3),
            "y: shape [3, 3] looks one-hot; labels are class indices: use numpy.argmax(y, axis=1)",
        ),
    ],
)
def test_a_wrong_label_is_named(labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError) as caught:
        data.prepare_labels("y", labels, 3, 3)
    assert str(caught.value) == message


def test_float_targets_take_the_outputs_quantisation_and_stay_real() -> None:
    inputs = np.zeros((1, 1, 3), np.int8)
    output = _Tensor((1, 2), scale=2.0, zero_point=1)
    quantised, real = data.prepare_targets(
        "y", np.array([[3.9, 1e6]]), inputs, _Tensor((1, 3)), output
    )
    assert quantised.tolist() == [[[3, 127]]]
    assert real.reshape(-1).tolist() == [np.float32(3.9), 1e6]


def test_without_targets_the_input_is_the_target() -> None:
    inputs = np.array([[[10, 12]], [[-128, 127]]], np.int8)
    same = _Tensor((1, 2))
    quantised, real = data.prepare_targets("y", None, inputs, same, same)
    assert np.array_equal(quantised, inputs)
    assert real[0].tolist() == [[0.0, 1.0]]
    wider = _Tensor((1, 2), scale=1.0, zero_point=0)
    quantised, _ = data.prepare_targets("y", None, inputs, same, wider)
    assert quantised.tolist() == [[[0, 1]], [[-69, 59]]]
    with pytest.raises(DataError, match="cannot stand in for a target"):
        data.prepare_targets("y", None, inputs, same, _Tensor((1, 3)))


def test_quantise_and_dequantise_are_inverse() -> None:
    tensor = _Tensor((1, 256), scale=0.0371, zero_point=-17)
    values = np.arange(-128, 128).astype(np.int8)
    assert np.array_equal(data.quantize(data.dequantize(values, tensor), tensor), values)


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.ones(2), x_test=np.ones(3), classes=np.array(["a", "b"]))
    with pytest.raises(DataError, match=r"data.npz: no array y_train, y_test$"):
        data.load_npz(path)
    loaded = data.load_npz(path, labels_required=False)
    assert loaded.y_train is None and loaded.x_test.shape == (3,)
    np.savez(path, x_train=np.ones(2), x_test=np.ones(3), y_test=np.ones(3))
    with pytest.raises(DataError, match=r"no array y_train$"):
        data.load_npz(path, labels_required=False)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 nor this"])
def test_files_that_are_no_npz(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="data.npz: not a readable .npz file"):
        data.load_npz(path)


def test_npy_and_missing_files(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(DataError, match="one array, not an archive"):
        data.load_npz(tmp_path / "one.npy")
    with pytest.raises(DataError, match="missing.npz: No such file"):
        data.load_npz(tmp_path / "missing.npz")


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.array([{}], object))
    with pytest.raises(DataError, match="not a readable .npz file"):
        data.load_npz(path)
