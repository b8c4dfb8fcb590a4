"""Training and evaluation on a device, with the loop that trains on this computer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from tflm_training.device import Device, DeviceError
from tflm_training.files import check_writable, read_file, write_file
from tflm_training.signature import Signature
from tflm_training.trainer import Trainer

if TYPE_CHECKING:
    from tflm_training._runtime import TensorInfo


class DeviceTrainer(Trainer):
    """A `Trainer` whose steps run on a device: same samples, same order, same weights.

    Starts from the device's present weights and generator state. seed: for the order of the
    samples. Every method raises DataError for what it cannot use and DeviceError when the
    device fails or goes away.
    """

    def __init__(self, device: Device, seed: int = 0) -> None:
        # Not Trainer's own: that loads a model into this computer.
        self._device = device
        self.last_step_ticks = 0  # that the last step took by the device's counter
        self._begin(seed, _signature(device))
        self._steps = device.info.steps

    @property
    def arena_used_bytes(self) -> int:
        """Bytes of the arena in use on the device."""
        return self._device.info.arena_used_bytes

    @property
    def ticks_per_second(self) -> int:
        """How often the device's counter counts."""
        return self._device.info.ticks_per_second

    def variables(self) -> dict[str, np.ndarray]:
        """Raises DeviceError: a device does not tell names, save() its weights instead."""
        raise DeviceError("a device does not name its variables: save a checkpoint")

    def reset(self) -> None:
        """Back to the firmware's weights, and to the seed for the order of the samples."""
        self._device.reset()
        self._seed_order()
        self._run, self._step_of_run, self._steps = None, 0, 0

    def save(
        self,
        path: str | Path,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Write the device's checkpoint: weights and generator state, which `Trainer.restore`
        takes too. progress is told bytes done and all."""
        path = Path(path)
        check_writable(path, overwrite)
        write_file(path, self._device.read_checkpoint(progress))

    def checkpoint(self) -> bytes:
        """The device's checkpoint, as `save` writes it."""
        return self._device.read_checkpoint()

    def restore(self, source: str | Path | bytes) -> None:
        """Set the device's weights and generator state to those of a checkpoint. The order of
        the samples stays. Raises DeviceError if the device refuses it; nothing has changed."""
        self._device.restore(source if isinstance(source, bytes) else read_file(source))
        self._steps = self._device.refresh().steps

    def _step(
        self, sample: np.ndarray, label: np.ndarray, learning_rate: np.ndarray
    ) -> tuple[np.ndarray, float]:
        if self.is_regression:
            content, index = sample.tobytes() + label.tobytes(), 0
        else:
            content, index = sample.tobytes(), int(label[0])
        step = self._device.step(content, index, float(learning_rate[0]))
        self.last_step_ticks = step.ticks
        return step.output, step.loss


def _signature(device: Device) -> Signature:
    info = device.info
    if info.classes == 0:
        loss = "mse"
    elif math.prod(info.output.shape) == 1:
        loss = "sigmoid_cross_entropy"
    else:
        loss = "softmax_cross_entropy"
    return Signature(
        loss=loss,
        classes=info.classes,
        input=cast("TensorInfo", info.input),
        output=cast("TensorInfo", info.output),
        random_state=-1,
        variables=(),
    )
