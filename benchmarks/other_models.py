"""Training of int8 models that classify no images: held-out figures before and after.

    python -m benchmarks.other_models --models DIR [--tflm_dir DIR]

--models: folder of hello_world_int8 (regression), ad01_int8 (autoencoder of a machine's sounds)
and micro_speech_quantized (spectrograms), all .tflite; those that are not there are left out.
--tflm_dir: TFLM's source tree, which has the LSTM of examples/mnist_lstm. What each learns it was
not made for: another curve, another machine, four kinds of glides in place of words, handwriting
of eight by eight pixels. Two thirds of the samples train, the rest tell. "Mean" is what the best
constant answer reaches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import converter
from benchmarks import arguments
from examples.digits.data import handwritten_digits
from tflm_training import Trainer

_SEED = 1
_SAMPLES = 900
Arrays = tuple[np.ndarray, np.ndarray]


def sine(count: int, phase: float, seed: int = _SEED) -> Arrays:
    """x float32 [count, 1] in [0, 2 pi), y = sin(x + phase) with a little noise."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 2 * np.pi, (count, 1)).astype(np.float32)
    noise = 0.05 * generator.standard_normal(x.shape)
    return x, (np.sin(x + phase) + noise).astype(np.float32)


def machine(count: int, frames: int, bins: int, pitch: float, seed: int = _SEED) -> np.ndarray:
    """Spectrograms of a machine that hums at multiples of `pitch` bins, in dB.

    float32 [count, frames * bins]: its speed, loudness and noise differ from sample to sample.
    """
    generator = np.random.default_rng(seed)
    speed = pitch * generator.uniform(0.95, 1.05, (count, 1, 1))
    loudness = generator.uniform(0, 20, (count, 1, 1))
    axis = np.arange(bins, dtype=np.float64)
    distance = np.abs((axis / speed + 0.5) % 1.0 - 0.5) * speed
    hum = np.exp(-0.5 * distance**2) * loudness * np.exp(-axis / bins)
    noise = generator.standard_normal((count, frames, bins))
    return (-20 + hum + noise - 10 * axis / bins).reshape(count, -1).astype(np.float32)


def glides(count: int, steps: int, features: int, classes: int, seed: int = _SEED) -> Arrays:
    """Tones that rise, fall or stay: x float32 [count, steps, features], y [count].

    The classes differ in how far the tone glides, so no single step tells them apart.
    """
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, count)
    glide = np.linspace(-1, 1, classes)[y] * features * 0.7
    centre = generator.uniform(0.4, 0.6, count) * features
    time = np.linspace(-0.5, 0.5, steps)
    tone = centre[:, None] + glide[:, None] * time
    x = np.exp(-0.5 * (np.arange(features) - tone[..., None]) ** 2)
    x += 0.1 * generator.standard_normal(x.shape)
    return x.astype(np.float32), y


@dataclasses.dataclass(frozen=True)
class Subject:
    """What trains on what: options of `converter.convert` and of `Trainer.fit`.

    y: None for an autoencoder; mse: whether the figures are that or accuracies.
    """

    title: str
    model: Path
    x: np.ndarray
    y: np.ndarray | None
    mse: bool
    update: str
    learning_rate: float
    epochs: int


@dataclasses.dataclass(frozen=True)
class Result:
    """Of held-out samples: mean squared error or accuracy. constant: of the best constant."""

    before: float
    after: float
    constant: float


def train(
    flatbuffer: bytes,
    x: np.ndarray,
    y: np.ndarray | None,
    learning_rate: float,
    epochs: int,
    shuffle: bool = True,
) -> Result:
    """Train on the first two thirds of the samples, evaluate the others."""
    trainer = Trainer(flatbuffer, seed=_SEED)
    cut = 2 * len(x) // 3
    y_train, y_test = (None, None) if y is None else (y[:cut], y[cut:])
    key = "mse" if trainer.is_regression else "accuracy"
    before = trainer.evaluate(x[cut:], y_test)[key]
    trainer.fit(x[:cut], y_train, epochs, learning_rate, shuffle=shuffle)
    after = trainer.evaluate(x[cut:], y_test)[key]
    targets = x[cut:] if y is None else y[cut:]
    constant = float(np.var(targets, axis=0).mean())
    if not trainer.is_regression:
        constant = float(np.bincount(targets).max() / len(targets))
    return Result(before, after, constant)


def _subjects(models: Path, tflm_dir: Path | None) -> Iterator[Subject]:
    x, y = sine(_SAMPLES, phase=1.0)
    yield Subject(
        "hello_world_int8, sine shifted", models / "hello_world_int8.tflite",
        x, y, True, "all", 0.003, 20,
    )  # fmt: skip
    x = machine(_SAMPLES, frames=5, bins=128, pitch=9.0)
    yield Subject(
        "ad01_int8, another machine", models / "ad01_int8.tflite", x, None, True, "last:1", 3.0, 10
    )
    x, y = glides(_SAMPLES, steps=49, features=40, classes=4)
    yield Subject(
        "micro_speech_quantized, glides", models / "micro_speech_quantized.tflite",
        20 * x.reshape(_SAMPLES, -1), y, False, "all", 0.001, 6,
    )  # fmt: skip
    if tflm_dir is not None:
        digits = handwritten_digits()
        images, y = digits["x_train"][..., 0], digits["y_train"]
        x = np.pad(np.kron(images, np.ones((1, 3, 3), np.float32)), ((0, 0), (2, 2), (2, 2)))
        path = tflm_dir / "tensorflow/lite/micro/examples/mnist_lstm/trained_lstm_int8.tflite"
        yield Subject("trained_lstm_int8, other digits", path, x, y, False, "all", 0.02, 5)


def main() -> None:
    parser = arguments.parser(__doc__)
    parser.add_argument("--tflm_dir", type=arguments.folder, help="TFLM's source tree")
    options = parser.parse_args()
    print("| model, new task | figure | update | mean | before | after |")
    print("|---|---|---|---|---|---|")
    for subject in _subjects(options.models, options.tflm_dir):
        if not subject.model.is_file():
            continue
        loss = "mse" if subject.mse else None
        content = subject.model.read_bytes()
        converted = converter.convert(content, update=subject.update, loss=loss)
        result = train(
            converted.flatbuffer, subject.x, subject.y, subject.learning_rate, subject.epochs
        )
        values = (result.constant, result.before, result.after)
        figures = [f"{v:.4f}" if subject.mse else f"{100 * v:.1f} %" for v in values]
        figure = "mean squared error" if subject.mse else "accuracy"
        print(f"| {subject.title} | {figure} | {subject.update} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()
