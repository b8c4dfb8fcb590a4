"""The digits example with several updates: arena and accuracy after training.

    python -m benchmarks.digits [--seeds 5]

Prints, for each update, the arena on a 32-bit Cortex-M in bytes and the test accuracy in percent:
mean and range over the seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
from rich.console import Console
from rich.table import Table

import converter
from converter.cli import parse_bytes
from examples.digits import demo
from examples.digits.data import handwritten_digits
from tflm_training import Trainer
from tflm_training.commands.output import positive_int

_OPTIONS = (
    {"--update": "last:1"},
    {"--budget": "14k"},
    {"--budget": "16k"},
    {"--update": "all"},
)


def _converted(options: Mapping[str, str]) -> converter.TrainingModel:
    budget = parse_bytes(options["--budget"]) if "--budget" in options else None
    return converter.convert(
        demo.MODEL.read_bytes(), budget, update=options.get("--update", "auto")
    )


def accuracies(flatbuffer: bytes, data: Mapping[str, np.ndarray], seeds: int) -> list[float]:
    """Percent after the demo's training, for each seed."""
    found = []
    for seed in range(seeds):
        trainer = Trainer(flatbuffer, seed=seed)
        trainer.fit(
            data["x_train"], data["y_train"], epochs=demo.EPOCHS, learning_rate=demo.LEARNING_RATE
        )
        found.append(100 * trainer.evaluate(data["x_test"], data["y_test"])["accuracy"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=positive_int, default=5)
    options = parser.parse_args()
    data = handwritten_digits()
    table = Table("trained", "arena, bytes", "accuracy, %")
    for row in _OPTIONS:
        model = _converted(row)
        found = accuracies(model.flatbuffer, data, options.seeds)
        table.add_row(
            " ".join(f"{name} {value}" for name, value in row.items()),
            f"{model.arena.total:,}",
            f"{np.mean(found):.1f} ({min(found):.1f}-{max(found):.1f})",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
