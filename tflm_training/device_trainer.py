"""Training and evaluation on a device, with the loop that trains on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from tflm_training.device import Device
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
        self._device = device
        self._seed = seed
        self._generator = np.random.default_rng(seed)
        self._signature = _signature(device)
        self._no_label = np.array([-1], np.int32)
        if self.is_regression:
            self._no_label = np.zeros(self._signature.output.shape, self._signature.output.dtype)

    @property
    def arena_used_bytes(self) -> int:
        """Bytes of the arena in use on the device."""
        return self._device.info.arena_used_bytes

    def reset(self) -> None:
        """Back to the firmware's weights, and to the seed for the order of the samples."""
        self._device.reset()
        self._generator = np.random.default_rng(self._seed)

    def _step(
        self, sample: np.ndarray, label: np.ndarray, learning_rate: np.ndarray
    ) -> tuple[np.ndarray, float]:
        if self.is_regression:
            loss, output = self._device.step(
                sample.tobytes() + label.tobytes(), 0, float(learning_rate[0])
            )
        else:
            loss, output = self._device.step(
                sample.tobytes(), int(label[0]), float(learning_rate[0])
            )
        return output, loss


def _signature(device: Device) -> Signature:
    info = device.info
    if info.classes == 0:
        loss = "mse"
    elif int(np.prod(info.output.shape)) == 1:
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
