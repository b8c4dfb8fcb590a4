"""The same training on this computer, in NumPy and on an emulated Cortex-M7: bit for bit?

    python -m benchmarks.determinism [--steps 1000] [--models DIR --data DIR] [--weight_bits 8,16]
        [--tflm_dir DIR [--tflm_lib LIB --tflm_include 'DIR DIR']]

Each row is one run of the same samples, labels, learning rates and seed:

host      TFLite Micro with the project's kernels, compiled for this computer
twin      no C++ at all: the kernels' NumPy twins, operator by operator (twin_net.py)
emulator  with --tflm_dir: the firmware of examples/stm32f746 with upstream TFLite Micro, in QEMU

The bundled digits model trains, or with --models and --data the last four layers of
kws_ref_model. Printed are SHA-256 of the checkpoint's variables (weights, biases, the
generator's state) after the last step and of the losses of all steps, the first 16 digits of
each. The exit status is 1 if a row differs from the host's.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import subjects
from benchmarks.determinism.twin_net import TwinNet
from benchmarks.subjects import Subject
from benchmarks.upstream_firmware import BuildError, add_tflm_arguments, build_firmware
from examples.stm32f746.firmware import EmulatorError, emulated
from tflm_training._library import runtime
from tflm_training.commands.output import positive_int
from tflm_training.device import Device, DeviceError
from tflm_training.device_trainer import DeviceTrainer
from tflm_training.trainer import Trainer

_SEED = 5
_LEARNING_RATE = 0.01


@dataclasses.dataclass(frozen=True)
class Run:
    """What one executor made of a subject. variables: those of a checkpoint."""

    executor: str
    variables: bytes
    losses: np.ndarray
    seconds: float

    def digests(self) -> tuple[str, str]:
        """SHA-256 of the variables and of the losses, shortened."""
        variables, losses = (
            hashlib.sha256(data).hexdigest()[:16]
            for data in (self.variables, self.losses.tobytes())
        )
        return variables, losses


class TwinTrainer(Trainer):
    """A `Trainer` whose steps the twins take: same samples, same order, same learning rates."""

    def __init__(self, model: bytes, seed: int) -> None:
        self.net = TwinNet(model, seed)
        super().__init__(model, seed)

    def _step(
        self, sample: np.ndarray, label: np.ndarray, learning_rate: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The first result, the output, is meaningless: nothing here reads it."""
        loss = self.net.step(sample, label, float(learning_rate[0]))
        return np.zeros(self._signature.output.shape, np.int8), loss


def _run(executor: str, trainer: Trainer, subject: Subject, steps: int) -> Run:
    x, y = subject.drawn(steps, _SEED)
    start = time.perf_counter()
    losses = []
    for i in range(steps):
        rate = _LEARNING_RATE * (1 - i / steps)
        losses += trainer.fit(x[i : i + 1], y[i : i + 1], 1, rate, decay=None).history["loss"]
    seconds = time.perf_counter() - start
    if isinstance(trainer, TwinTrainer):
        variables = trainer.net.variables()
    else:
        variables = runtime().read_checkpoint(trainer.checkpoint()).variables
    return Run(executor, variables, np.array(losses), seconds)


def host_run(subject: Subject, steps: int) -> Run:
    return _run("host", Trainer(subject.flatbuffer, seed=_SEED), subject, steps)


def twin_run(subject: Subject, steps: int) -> Run:
    return _run("twin", TwinTrainer(subject.flatbuffer, _SEED), subject, steps)


def emulator_run(subject: Subject, steps: int, options: argparse.Namespace) -> Run:
    """Raises BuildError, DeviceError, EmulatorError or OSError."""
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model_train.tflite"
        model.write_bytes(subject.flatbuffer)
        firmware, _ = build_firmware(options, model)
        with emulated(firmware) as url, Device(url) as device:
            trainer = DeviceTrainer(device)
            trainer.restore(Trainer(subject.flatbuffer, seed=_SEED).checkpoint())
            return _run("emulator", trainer, subject, steps)


def _runs(subject: Subject, options: argparse.Namespace) -> Iterator[Run]:
    yield host_run(subject, options.steps)
    yield twin_run(subject, options.steps)
    if options.tflm_dir is not None:
        yield emulator_run(subject, options.steps, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=positive_int, default=1000)
    subjects.add_arguments(parser)
    add_tflm_arguments(parser, required=False)
    return parser.parse_args()


def main() -> int:
    options = parse()
    print("| model, update | steps | executor | variables | losses | ms a step |")
    print("|---|---|---|---|---|---|")
    differs = False
    for subject in subjects.chosen(options):
        expected: tuple[str, str] | None = None
        for run in _runs(subject, options):
            digests = run.digests()
            expected = expected or digests
            differs = differs or digests != expected
            cells = (subject.title, options.steps, run.executor, *digests)
            milliseconds = f"{1000 * run.seconds / options.steps:.2f}"
            print("|", " | ".join(map(str, (*cells, milliseconds))), "|", flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BuildError, DeviceError, EmulatorError, OSError) as error:
        sys.exit(f"error: {error}")
