"""Two classes are added to a model of ten: what is forgotten, with replay and without.

    python -m benchmarks.forgetting --models DIR --data DIR [--update last:4] [--seeds 0,1,2]

kws_ref_model gets a fresh classifier for ten spoken digits with two spare classes and learns the
digits (fsdd_mfcc); then two spoken words (yes and no of kws01) are added, with none or some of the
digits replayed: after each new sample one of N that were kept. Prints test accuracy in percent,
mean over the seeds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import converter
from benchmarks import arguments
from tflm_training import Trainer, replayed_indices

Split = tuple[np.ndarray, np.ndarray]

DIGITS = 10
WORDS = ("Yes", "No")
REPLAYED = (0, 50, 100, 200)
# (epochs, learning rate) of the digits, then of the words.
_DIGITS_TRAINING = (4, 0.02)
_WORDS_TRAINING = (5, 0.01)


def _digits(folder: Path, part: str) -> Split:
    with np.load(folder / "fsdd_mfcc.npz", allow_pickle=False) as file:
        return file[f"x_{part}"], file[f"y_{part}"]


def _words(folder: Path, part: str) -> Split:
    with np.load(folder / "kws01.npz", allow_pickle=False) as file:
        names = [str(name) for name in file["classes"]]
        x, y = file[f"x_{part}"], file[f"y_{part}"]
    labels = np.full(len(y), -1, np.int32)
    for i, word in enumerate(WORDS):
        labels[y == names.index(word)] = DIGITS + i
    return x[labels >= 0], labels[labels >= 0]


def run(options: argparse.Namespace, seed: int) -> list[tuple[float, float]]:
    """Accuracy on digits and on words: of the digits' model, then for each of REPLAYED."""
    content = (options.models / "kws_ref_model.tflite").read_bytes()
    converted = converter.convert(
        content, num_classes=DIGITS, spare_classes=len(WORDS), update=options.update
    )
    old, new = _digits(options.data, "train"), _words(options.data, "train")
    tests = _digits(options.data, "test"), _words(options.data, "test")
    found = []
    for count in (None, *REPLAYED):
        trainer = Trainer(converted.flatbuffer, seed=seed)
        epochs, rate = _DIGITS_TRAINING
        trainer.fit(*old, epochs=epochs, learning_rate=rate)
        if count is not None:
            kept = replayed_indices(old[1], count, seed) if count else None
            replay = None if kept is None else (old[0][kept], old[1][kept])
            epochs, rate = _WORDS_TRAINING
            trainer.fit(*new, epochs=epochs, learning_rate=rate, replay=replay)
        accuracies = [100 * trainer.evaluate(*test)["accuracy"] for test in tests]
        found.append((accuracies[0], accuracies[1]))
    return found


def main() -> int:
    parser = arguments.parser(__doc__, needs_data=True)
    parser.add_argument("--update", default="last:4")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    runs = [run(options, int(seed)) for seed in options.seeds.split(",")]
    means = np.mean(np.array(runs), axis=0)
    table = Table(title=f"Test accuracy in percent, --update {options.update}")
    for heading in ("", "ten digits", "change", "two new words"):
        table.add_column(heading)
    rows = ["digits only", *(f"words, {n} digits replayed" if n else "words" for n in REPLAYED)]
    for row, (old, new) in zip(rows, means, strict=True):
        change = "" if row == rows[0] else f"{old - means[0][0]:+.1f}"
        table.add_row(row, f"{old:.1f}", change, f"{new:.1f}")
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
