"""Whole training steps on an emulated Cortex-M7 with upstream TFLite Micro, beside the host's.

    python -m benchmarks.upstream_steps --models DIR --tflm_dir DIR
        [--tflm_lib LIB --tflm_include 'DIR DIR'] [--data DIR] [--steps 20] [--resume_at STEP]
        [--only TEXT] [--json OUT.json]

Each model is converted and linked into the firmware of examples/stm32f746, which QEMU runs;
samples go in through the device protocol. This computer takes the same steps: same samples,
labels and learning rates, from the same checkpoint. Compared bit for bit: the loss of every
step, the model's output for the first samples afterwards, and the checkpoint's variables (weights,
fractions, biases and the generator's state); and the arena that TFLite Micro uses with the
one that the converter predicts. Without a file in --data the samples are noise of the full
int8 range. TFLite Micro's options are those of the example's makefile. With --resume_at the
emulator is ended after that step and started anew, and goes on from the checkpoint read before;
this computer takes all steps at once. The exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

import converter
from benchmarks import arguments
from benchmarks.upstream_firmware import BuildError, add_tflm_arguments, build_firmware
from converter.cli import parse_bytes
from converter.errors import ConverterError
from examples.stm32f746.firmware import EmulatorError, emulated
from tflm_training._library import runtime
from tflm_training.commands.output import positive_int
from tflm_training.data import load_npz
from tflm_training.device import Device, DeviceError
from tflm_training.device_trainer import DeviceTrainer
from tflm_training.trainer import Trainer

_SCHEME = Path(__file__).parent / "schemes" / "mcunet_49kb.json"
_SEED = 5
_INFERENCES = 20


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is trained; the fields are options of the converter. data: stem of an .npz."""

    model: str
    update: str
    budget: str = "256k"
    num_classes: int | None = None
    data: str | None = None
    learning_rate: float = 0.01

    @property
    def title(self) -> str:
        return f"{self.model}, {Path(self.update).stem}, {self.budget}"


_SUBJECTS = (
    Subject("kws_ref_model", "last:4", data="kws01"),
    Subject("kws_ref_model", "all", data="kws01"),
    Subject("vww_96_int8", "auto", "128k", data="person96"),
    Subject("mcunet-5fps-128", str(_SCHEME), "256k", num_classes=10),
    Subject("mcunet-5fps-128", "auto", "256k", num_classes=10),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """Instructions are means over the samples. inference: with label -1."""

    title: str
    samples: str
    variable_bytes: int
    step: int
    inference: int
    arena_used_bytes: int
    arena_bytes: int
    stack_used_bytes: int
    flash_bytes: int
    faults: list[str]


def _samples(
    options: argparse.Namespace, subject: Subject, device: Device
) -> tuple[np.ndarray, np.ndarray, str]:
    """x [steps, ...], y [steps] and where they are from."""
    if options.data is not None and subject.data is not None:
        dataset = load_npz(options.data / f"{subject.data}.npz")
        assert dataset.y_train is not None
        chosen = np.random.default_rng(_SEED).permutation(len(dataset.x_train))[: options.steps]
        return dataset.x_train[chosen], dataset.y_train[chosen], subject.data
    generator = np.random.default_rng(_SEED)
    shape = (options.steps, *device.info.input.shape[1:])
    x = generator.integers(-128, 128, shape, device.info.input.dtype)
    return x, generator.integers(0, device.info.classes, options.steps), "noise"


class Learner:
    """A trainer and what comes of its steps."""

    def __init__(self, trainer: Trainer, folder: Path) -> None:
        self.trainer = trainer
        self.losses: list[float] = []
        self.step_ticks: list[int] = []
        self.inference_ticks: list[int] = []
        self.outputs: list[np.ndarray] = []
        self._folder = folder

    def learn(self, x: np.ndarray, y: np.ndarray, learning_rate: float) -> None:
        """One training step a sample, then inference."""
        self.train(x, y, learning_rate, range(len(x)))
        self.infer(x)

    def train(self, x: np.ndarray, y: np.ndarray, learning_rate: float, steps: range) -> None:
        """These steps of the len(x) of a training."""
        for i in steps:
            one = slice(i, i + 1)
            rate = learning_rate * (1 - i / len(x))
            history = self.trainer.fit(x[one], y[one], 1, rate, decay=None).history
            self.losses += history["loss"]
            self._count(self.step_ticks)

    def infer(self, x: np.ndarray) -> None:
        """Inference of the first samples."""
        for i in range(min(len(x), _INFERENCES)):
            self.outputs.append(self.trainer.predict_quantized(x[i : i + 1]))
            self._count(self.inference_ticks)

    def variables(self) -> bytes:
        """Those of a checkpoint of the present weights."""
        path = self._folder / "present.ckpt"
        self.trainer.save(path, overwrite=True)
        return runtime().read_checkpoint(path.read_bytes()).variables

    def _count(self, ticks: list[int]) -> None:
        if isinstance(self.trainer, DeviceTrainer):
            ticks.append(self.trainer.last_step_ticks)


def differences(host: Learner, device: Learner, start: bytes) -> list[str]:
    """What differs, in words."""
    faults = []
    losses = list(zip(host.losses, device.losses, strict=True))
    different = [i for i, (one, other) in enumerate(losses) if one != other]
    if different:
        first = different[0]
        faults.append(
            f"{len(different)} losses; that of step {first + 1} is {losses[first][1]!r} "
            f"and not {losses[first][0]!r}"
        )
    expected, actual = (np.frombuffer(learner.variables(), np.uint8) for learner in (host, device))
    if len(expected) != len(actual):
        faults.append(f"{len(actual)} bytes of variables and not {len(expected)}")
    elif (count := int(np.count_nonzero(expected != actual))) > 0:
        faults.append(f"{count} of {len(expected)} bytes of the variables")
    elif expected.tobytes() == start:
        faults.append("nothing: no step changed a weight")
    if not np.array_equal(host.outputs, device.outputs):
        faults.append("the outputs")
    return faults


def _parts(options: argparse.Namespace) -> list[range]:
    """The steps of each start of the emulator."""
    ends = [0, *([options.resume_at] if options.resume_at else []), options.steps]
    return [range(first, end) for first, end in itertools.pairwise(ends)]


def measure(subject: Subject, options: argparse.Namespace, folder: Path) -> Result:
    """Raises BuildError, ConverterError, DeviceError, EmulatorError or OSError."""
    converted = converter.convert(
        (options.models / f"{subject.model}.tflite").read_bytes(),
        parse_bytes(subject.budget),
        update=subject.update,
        num_classes=subject.num_classes,
        name=subject.model,
    )
    model = folder / "model_train.tflite"
    model.write_bytes(converted.flatbuffer)
    firmware, flash_bytes = build_firmware(options, model)
    host = Learner(Trainer(model, seed=_SEED), folder)
    start = host.variables()
    checkpoint = host.trainer.checkpoint()
    device: Learner | None = None
    for part in _parts(options):
        with emulated(firmware) as url, Device(url) as connection:
            x, y, source = _samples(options, subject, connection)
            trainer = DeviceTrainer(connection)
            device = device or Learner(trainer, folder)
            device.trainer = trainer
            trainer.restore(checkpoint)
            device.train(x, y, subject.learning_rate, part)
            checkpoint = trainer.checkpoint()
            if part.stop == options.steps:
                device.infer(x)
                host.learn(x, y, subject.learning_rate)
                faults = differences(host, device, start)
            info = connection.refresh()
    assert device is not None
    if info.arena_used_bytes != converted.arena.total:
        faults.append("the arena")
    instructions = 1e9 / info.ticks_per_second  # a tick, at one nanosecond each
    return Result(
        title=subject.title,
        samples=source,
        variable_bytes=len(start),
        step=round(np.mean(device.step_ticks) * instructions),
        inference=round(np.mean(device.inference_ticks) * instructions),
        arena_used_bytes=info.arena_used_bytes,
        arena_bytes=converted.arena.total,
        stack_used_bytes=info.stack_used_bytes,
        flash_bytes=flash_bytes,
        faults=faults,
    )


_HEADINGS = (
    "model, update, budget",
    "samples",
    "equal",
    "a step, millions",
    "inference, millions",
    "arena used",
    "predicted",
    "stack",
    "flash",
)


def _row(result: Result) -> list[str]:
    equal = "no" if result.faults else "yes"
    millions = [f"{count / 1e6:.2f}" for count in (result.step, result.inference)]
    sizes = (result.arena_used_bytes, result.arena_bytes, result.stack_used_bytes)
    return [
        *(result.title, result.samples, equal, *millions),
        *(f"{size:,}" for size in (*sizes, result.flash_bytes)),
    ]


def parse() -> argparse.Namespace:
    parser = arguments.parser(__doc__)
    add_tflm_arguments(parser, required=True)
    parser.add_argument("--data", type=Path, help="folder of .npz data")
    parser.add_argument("--steps", type=positive_int, default=20)
    parser.add_argument(
        "--resume_at", type=positive_int, help="restart the emulator after this step"
    )
    parser.add_argument("--only", default="", help="the rows whose first column begins so")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    if options.resume_at is not None and options.resume_at >= options.steps:
        parser.error(f"--resume_at {options.resume_at}: must be below --steps {options.steps}")
    return options


def main() -> int:
    options = parse()
    subjects = [subject for subject in _SUBJECTS if subject.title.startswith(options.only)]
    if not subjects:
        print(f"error: no row begins with {options.only!r}", file=sys.stderr)
        return 1
    results = []
    for line in (_HEADINGS, ["---"] * len(_HEADINGS)):
        print(f"| {' | '.join(line)} |")
    for subject in subjects:
        try:
            with tempfile.TemporaryDirectory() as folder:
                result = measure(subject, options, Path(folder))
        except (BuildError, ConverterError, DeviceError, EmulatorError, OSError) as error:
            print(f"error: {subject.title}: {error}", file=sys.stderr)
            return 1
        results.append(result)
        print(f"| {' | '.join(_row(result))} |", flush=True)
        for fault in result.faults:
            print(f"{result.title}: differs: {fault}", file=sys.stderr)
    if options.json is not None:
        content = [dataclasses.asdict(result) for result in results]
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if any(result.faults for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
