"""Data sets on their way into a training flatbuffer: the rules and their errors.

The rules, for the model's input and, with the mean squared error, for the target:

- an array of the tensor's own dtype (usually int8) is taken as it is, as quantised;
- a float array holds real values: q = value / scale + zero_point, rounded half away from
  zero and clamped to the dtype, as TFLite's QUANTIZE does;
- a uint8 array for an int8 tensor is an image: q = value - 128;
- anything else is refused, and so are NaN and infinite values.

The first axis counts the samples; the others match the tensor's shape, where axes of
length 1 may be missing or added.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Protocol

import numpy as np

# x and, unless it may be missing and is, y.
Samples = tuple[np.ndarray, np.ndarray | None]


class DataError(ValueError):
    """Data or an argument that cannot be used. The message is one line that names it."""


class TensorDescription(Protocol):
    """What the rules need to know of a tensor; `_runtime.TensorInfo` is one."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    @property
    def scale(self) -> float: ...
    @property
    def zero_point(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The arrays of an .npz as they were stored. `y_*` is None where it may be omitted."""

    x_train: np.ndarray
    y_train: np.ndarray | None
    x_test: np.ndarray
    y_test: np.ndarray | None


def load_npz(path: str | Path, labels_required: bool = True) -> DataSet:
    """Read x_train, y_train, x_test and y_test. Pickled objects are never loaded.

    labels_required: False lets `y_train` and `y_test` be missing, both or none of them.
    Raises DataError if the file cannot be read or lacks an array.
    """
    arrays = _load_arrays(path, ("train", "test"), labels_required)
    return DataSet(arrays["x_train"], arrays.get("y_train"), arrays["x_test"], arrays.get("y_test"))


def load_test_split(path: str | Path, labels_required: bool = True) -> Samples:
    """Read x_test and y_test as `load_npz` does; the other two may be missing."""
    arrays = _load_arrays(path, ("test",), labels_required)
    return arrays["x_test"], arrays.get("y_test")


def limited(x: np.ndarray, y: np.ndarray | None, count: int | None) -> Samples:
    """The first `count` samples, None for all."""
    return x[:count], None if y is None else y[:count]


def class_names(path: str | Path, classes: int) -> list[str]:
    """The array `classes` of an .npz, text or integers [N], as names of so many classes; those
    past its end, all if it is missing, are called by their index.

    Raises DataError for a file or an array that cannot be used.
    """
    names = _read_arrays(path, ["classes"]).get("classes", np.zeros(0, np.int64))
    if names.ndim != 1 or names.dtype.kind not in "Uiu" or len(names) > classes:
        raise DataError(
            f"{path}: classes: {names.dtype} {list(names.shape)}, expected at most {classes} "
            "names, one for each class"
        )
    return [*map(str, names), *map(str, range(len(names), classes))]


def _load_arrays(
    path: str | Path, splits: tuple[str, ...], labels_required: bool
) -> dict[str, np.ndarray]:
    inputs, labels = ([f"{kind}_{split}" for split in splits] for kind in "xy")
    arrays = _read_arrays(path, [*inputs, *labels])
    for key, array in arrays.items():
        if array.ndim == 0:
            raise DataError(f"{path}: {key} is a single value, not an array of samples")
    if labels_required or any(label in arrays for label in labels):
        inputs = [key for pair in zip(inputs, labels, strict=True) for key in pair]
    missing = [key for key in inputs if key not in arrays]
    if missing:
        raise DataError(f"{path}: no array {', '.join(missing)}")
    return arrays


def _read_arrays(path: str | Path, keys: list[str]) -> dict[str, np.ndarray]:
    """Those of the arrays of an .npz that it has. Raises DataError."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("one array, not an archive of them")
        with loaded as file:
            return {key: file[key] for key in keys if key in file}
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds on a damaged file
        from converter.errors import reason_of

        raise DataError(f"{path}: not a readable .npz file ({reason_of(error)})") from error


def quantize(values: np.ndarray, tensor: TensorDescription) -> np.ndarray:
    """Real values of any shape as the tensor's dtype: rounded half away from zero, clamped."""
    limits = np.iinfo(tensor.dtype)
    with np.errstate(over="ignore"):  # infinity is clamped too
        scaled = np.asarray(values, np.float64) / tensor.scale
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + tensor.zero_point
    return np.clip(rounded, limits.min, limits.max).astype(tensor.dtype)


def dequantize(values: np.ndarray, tensor: TensorDescription) -> np.ndarray:
    """float32 real values, scale * (q - zero_point); a tensor without a scale as it is."""
    if tensor.scale == 0.0:
        return values.astype(np.float32)
    return np.float32(tensor.scale) * (values.astype(np.float32) - np.float32(tensor.zero_point))


def prepare(name: str, values: np.ndarray, tensor: TensorDescription) -> np.ndarray:
    """`values` [N, ...] as the tensor takes them: its dtype, shape [N, *tensor.shape].

    `name` is what errors call the array. Raises DataError by the rules above.
    """
    values = np.asarray(values)
    _check_shape(name, values, tensor)
    if np.issubdtype(values.dtype, np.floating):
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise DataError(f"{name}: sample {int(np.argmin(finite))} holds NaN or infinity")
    if values.dtype == tensor.dtype:
        result = values
    elif np.issubdtype(values.dtype, np.floating) and tensor.dtype == np.float32:
        result = values.astype(np.float32)
    elif np.issubdtype(values.dtype, np.floating) and tensor.scale != 0.0:
        # Sample by sample: the float64 in between is never larger than one sample.
        result = np.empty(values.shape, tensor.dtype)
        for i, sample in enumerate(values):
            result[i] = quantize(sample, tensor)
    elif values.dtype == np.uint8 and tensor.dtype == np.int8:
        result = (values ^ np.uint8(0x80)).view(np.int8)
    else:
        takes = {np.dtype(tensor.dtype).name: None}
        if tensor.scale != 0.0:
            takes["float"] = None
        if tensor.dtype == np.int8:
            takes["uint8"] = None
        raise DataError(f"{name}: dtype {values.dtype.name}, expected {' or '.join(takes)}")
    return np.ascontiguousarray(result).reshape(len(values), *tensor.shape)


def prepare_labels(name: str, values: np.ndarray, samples: int, classes: int) -> np.ndarray:
    """Class indices [N] or [N, 1] of any integer dtype as int32 [N].

    samples: the N that x has. classes: labels are in [0, classes). Raises DataError.
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == classes and classes > 1:
        raise DataError(
            f"{name}: shape {_text(values.shape)} looks one-hot; labels are class indices: "
            f"use numpy.argmax({name}, axis=1)"
        )
    if values.ndim != 1 and not (values.ndim == 2 and values.shape[1] == 1):
        raise DataError(f"{name}: shape {_text(values.shape)}, expected [{samples}]")
    _check_length(name, values, samples)
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"{name}: dtype {values.dtype.name}, labels are integers")
    values = values.reshape(-1)
    outside = np.flatnonzero((values < 0) | (values >= classes))
    if len(outside):
        first = int(outside[0])
        raise DataError(f"{name}[{first}] is {values[first]}, labels are in [0, {classes})")
    return values.astype(np.int32)


def prepare_targets(
    name: str,
    values: np.ndarray | None,
    inputs: np.ndarray,
    input_tensor: TensorDescription,
    output_tensor: TensorDescription,
) -> tuple[np.ndarray, np.ndarray]:
    """The targets of the mean squared error: (quantised like the output, real float32).

    inputs: the prepared x [N, ...]. `values` None: the targets are the inputs
    (autoencoder), which must have as many elements as the output. Raises DataError.
    """
    if values is None:
        if _essential(input_tensor.shape) != _essential(output_tensor.shape):
            raise DataError(
                f"{name}: missing, and the input {_text(input_tensor.shape)} cannot stand in for "
                f"a target {_text(output_tensor.shape)}"
            )
        real = dequantize(inputs, input_tensor).reshape(len(inputs), *output_tensor.shape)
        same = (input_tensor.dtype, input_tensor.scale, input_tensor.zero_point) == (
            output_tensor.dtype,
            output_tensor.scale,
            output_tensor.zero_point,
        )
        return (inputs.reshape(real.shape) if same else prepare(name, real, output_tensor)), real
    values = np.asarray(values)
    _check_length(name, values, len(inputs))
    targets = prepare(name, values, output_tensor)
    if np.issubdtype(values.dtype, np.floating):
        with np.errstate(over="ignore"):
            return targets, values.astype(np.float32).reshape(targets.shape)
    return targets, dequantize(targets, output_tensor)


def describe_tensor(tensor: TensorDescription) -> str:
    """Type, shape and quantisation, for people."""
    return (
        f"{np.dtype(tensor.dtype).name} {list(tensor.shape)}, "
        f"scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
    )


def sample_shape(tensor: TensorDescription) -> tuple[int, ...]:
    """The tensor's shape without its batch axis of 1."""
    return tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape


def _essential(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _text(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(str(length) for length in shape) + "]"


def _check_length(name: str, values: np.ndarray, samples: int) -> None:
    found = len(values) if values.ndim else 0
    if found != samples:
        raise DataError(f"{name}: {found} samples, but x has {samples}")


def _check_shape(name: str, values: np.ndarray, tensor: TensorDescription) -> None:
    if values.ndim == 0 or _essential(values.shape[1:]) != _essential(tensor.shape):
        expected = ", ".join(["N", *(str(length) for length in sample_shape(tensor))])
        raise DataError(f"{name}: shape {_text(values.shape)}, expected [{expected}]")
    if len(values) == 0:
        raise DataError(f"{name}: no samples")
