"""Measured gains: Fisher information of every layer and channel on the user's data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from converter.errors import ConverterError
from converter.passes.training_graph import Source
from converter.search.gain import Gains, layer_gain
from converter.search.probe import Probe

SAMPLES = 200
Data = tuple[np.ndarray, np.ndarray | None]
"""(x [N, ...], y [N], or for mse targets or None), by the rules of tflm_training.data."""


def measured_gains(
    source: Source,
    data: Data,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Gains:
    """Gains on at most SAMPLES samples, drawn by `seed`. Raises ConverterError for data that
    the model cannot take."""
    probe = Probe(source)
    inputs, labels = prepared_data(probe, data)
    order = np.random.default_rng(seed).permutation(len(inputs))[:SAMPLES]
    biases: dict[int, float] = {}
    filters: dict[int, np.ndarray] = {}
    for done, sample in enumerate(order):
        progress(done, len(order))
        for index, gradient in probe.run(inputs[sample], labels[sample]).items():
            if gradient.bias is not None:
                biases[index] = biases.get(index, 0.0) + float(np.square(gradient.bias).sum())
            if gradient.filter is not None:
                squares = np.square(gradient.filter).sum(axis=0)
                filters[index] = filters.get(index, 0.0) + squares
    zeros = {layer.index: np.zeros(layer.channels) for layer in probe.trained}
    return {
        index: layer_gain(
            biases.get(index, 0.0) / len(order), filters.get(index, zero) / len(order)
        )
        for index, zero in zeros.items()
    }


def prepared_data(probe: Probe, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Samples and labels as the training flatbuffer takes them."""
    from tflm_training import data as rules
    from tflm_training.signature import read_signature

    signature = read_signature(probe.interpreter)
    x, y = data
    try:
        inputs = rules.prepare("x_train", x, signature.input)
        if signature.is_regression:
            targets, _ = rules.prepare_targets(
                "y_train", y, inputs, signature.input, signature.output
            )
            return inputs, targets
        if y is None:
            raise rules.DataError("y_train: missing, this model needs class labels")
        labels = rules.prepare_labels("y_train", y, len(inputs), signature.classes)
    except rules.DataError as error:
        raise ConverterError(f"--data: {error}") from error
    return inputs, labels.reshape(-1, 1)
