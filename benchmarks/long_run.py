"""A hundred thousand training steps whose labels change again and again.

    python -m benchmarks.long_run [--steps 100000] [--switch_every 5000] [--learning_rate 0.01]
        [--models DIR --data DIR] [--weight_bits 8,16] [--plot OUT.svg]

The bundled digits model trains, or with --models and --data the last four layers of
kws_ref_model. Every --switch_every steps the classes change names: another permutation of the
labels, so all that the layers had learned is wrong. The learning rate stays. Printed for each
period: mean loss of its first and of its last tenth, accuracy of the last tenth (each sample
before its own update) and the share of weights at their limit, +-127. Then the same steps are
taken once more from the start, and every tenth of them the checkpoints' variables are compared.
The exit status is 1 if a loss is not finite, a checkpoint differs or the arena in use changes.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import subjects
from benchmarks.subjects import Subject
from kernels.core.twin import WEIGHT_LIMIT
from tflm_training._library import runtime
from tflm_training.commands.output import positive_int
from tflm_training.trainer import Trainer

_SEED = 3
_TENTHS = 10


@dataclasses.dataclass(frozen=True)
class Plan:
    """steps: whole periods; the labels change after every `period` steps, a multiple of 10."""

    steps: int
    period: int
    learning_rate: float


@dataclasses.dataclass(frozen=True)
class Point:
    """A tenth of a period. step: the last one; loss, accuracy: means, before each update."""

    step: int
    loss: float
    accuracy: float
    limit: np.ndarray = dataclasses.field(repr=False)
    """int8 [weights]: 1 or -1 for a weight at +127 or -127 after the step, otherwise 0."""

    @property
    def at_limit(self) -> float:
        """The share of weights at +-127."""
        return float(np.mean(self.limit != 0))

    def stayed(self, other: Point) -> float:
        """The share of weights at the limit at which they are in `other`."""
        return float(np.mean((self.limit != 0) & (self.limit == other.limit)))


@dataclasses.dataclass(frozen=True)
class LongRun:
    """start: the weights of the flatbuffer; digests: SHA-256 of the checkpoint's variables
    after each tenth of the steps; arena_used_bytes: before and after."""

    start: Point
    points: list[Point]
    digests: list[str]
    arena_used_bytes: tuple[int, int]

    def faults(self) -> list[str]:
        """What should not be, in words."""
        found = []
        if not all(math.isfinite(point.loss) for point in self.points):
            found.append("a loss is not finite")
        if len(set(self.arena_used_bytes)) != 1:
            found.append("the arena in use has changed")
        return found


def limits(trainer: Trainer) -> np.ndarray:
    """`Point.limit` of the present weights; fractions of 16-bit weights are no weights."""
    weights = [
        values.reshape(-1).astype(np.int64)
        for name, values in trainer.variables().items()
        if values.dtype == np.int8 and not name.endswith("/fraction")
    ]
    return np.trunc(np.concatenate(weights) / WEIGHT_LIMIT).astype(np.int8)


def take(subject: Subject, plan: Plan, told: Callable[[Point], None] = lambda _: None) -> LongRun:
    """Train from the flatbuffer's own weights; `told` is told of each point."""
    trainer = Trainer(subject.flatbuffer, seed=_SEED)
    start = Point(0, math.nan, math.nan, limits(trainer))
    arena = trainer.arena_used_bytes
    x, y = subject.drawn(plan.steps, _SEED)
    generator = np.random.default_rng(_SEED)
    points: list[Point] = []
    digests: list[str] = []
    piece = plan.period // _TENTHS
    for step in range(0, plan.steps, piece):
        if step % plan.period == 0:
            names = _derangement(generator, subject.classes)
        part = slice(step, step + piece)
        history = trainer.fit(
            x[part], names[y[part]], 1, plan.learning_rate, shuffle=False, decay=None
        ).history
        point = Point(step + piece, history["loss"][0], history["accuracy"][0], limits(trainer))
        points.append(point)
        told(point)
        if point.step * _TENTHS // plan.steps > len(digests):
            digests.append(_digest(trainer))
    return LongRun(start, points, digests, (arena, trainer.arena_used_bytes))


def _derangement(generator: np.random.Generator, classes: int) -> np.ndarray:
    """A permutation that leaves no class its name."""
    while True:
        names = generator.permutation(classes)
        if not np.any(names == np.arange(classes)):
            return names


def _digest(trainer: Trainer) -> str:
    variables = runtime().read_checkpoint(trainer.checkpoint()).variables
    return hashlib.sha256(variables).hexdigest()


class Table:
    """Prints a line for each period when its last tenth is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._points: list[Point] = []
        print("| steps | loss, first tenth | last tenth | accuracy | at +-127 | there before |")
        print("|---|---|---|---|---|---|")

    def add(self, point: Point) -> None:
        self._points.append(point)
        if point.step % self._plan.period:
            return
        first = self._points[-_TENTHS]
        before = self._points[-_TENTHS - 1] if len(self._points) > _TENTHS else None
        cells = (
            *(f"{point.step:,}", f"{first.loss:.3f}", f"{point.loss:.3f}"),
            *(f"{100 * point.accuracy:.1f} %", f"{100 * point.at_limit:.2f} %"),
            "" if before is None else f"{100 * point.stayed(before):.2f} %",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


def draw(runs: dict[str, LongRun], plan: Plan, path: Path) -> None:
    """Loss and share at the limit over the steps, as an image of the file's suffix."""
    import matplotlib
    from matplotlib.figure import Figure

    # The same bytes for the same figures.
    with matplotlib.rc_context({"svg.hashsalt": "long_run", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        loss, share = figure.subplots(2, 1, sharex=True)
        for title, run in runs.items():
            steps = [point.step for point in run.points]
            loss.plot(steps, [point.loss for point in run.points], label=title, linewidth=1)
            shares = [100 * point.at_limit for point in (run.start, *run.points)]
            share.plot([0, *steps], shares, label=title, linewidth=1)
        for axes in (loss, share):
            for step in range(0, plan.steps, plan.period):
                axes.axvline(step, color="0.85", linewidth=0.6, zorder=0)
            axes.set_ylim(bottom=0)
        loss.set_ylabel("training loss")
        share.set_ylabel("weights at +-127, %")
        share.set_xlabel(f"steps; the labels change every {plan.period:,}")
        loss.legend()
        suffix = path.suffix.removeprefix(".")
        metadata = {"Date": None} if suffix == "svg" else None
        figure.savefig(path, format=suffix, dpi=100, metadata=metadata)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=positive_int, default=100_000)
    parser.add_argument("--switch_every", type=positive_int, default=5_000)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    subjects.add_arguments(parser)
    parser.add_argument("--plot", type=Path, help="draw the curves to this .svg or .png")
    options = parser.parse_args()
    if options.switch_every % _TENTHS or options.steps % options.switch_every:
        parser.error(f"--steps must be whole periods, --switch_every a multiple of {_TENTHS}")
    return options


def main() -> int:
    options = parse()
    plan = Plan(options.steps, options.switch_every, options.learning_rate)
    runs: dict[str, LongRun] = {}
    faults: list[str] = []
    for subject in subjects.chosen(options):
        print(f"{subject.title}, learning rate {plan.learning_rate:g}")
        run = take(subject, plan, Table(plan).add)
        again = take(subject, plan)
        same = sum(one == other for one, other in zip(run.digests, again.digests, strict=True))
        print(f"at +-127 before the first step: {100 * run.start.at_limit:.2f} %")
        before, after = run.arena_used_bytes
        print(f"arena in use: {before:,} bytes before the first step, {after:,} after the last")
        print(f"taken again: {same} of {len(run.digests)} checkpoints are the same bytes")
        print(f"SHA-256 of the last one's variables: {run.digests[-1]}")
        faults += run.faults() + (["the runs differ"] if same < len(run.digests) else [])
        runs[subject.title] = run
    if options.plot is not None:
        draw(runs, plan, options.plot)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
