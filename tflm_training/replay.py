"""Replay: samples seen before are trained on again, so that new classes do not displace old ones.

What is kept is what a device's ReplayBuffer (replay_buffer.h) keeps of the same stream: while
there is room every sample, after that a balanced choice of the classes.
"""

from __future__ import annotations

import numpy as np

from tflm_training._library import runtime
from tflm_training.data import DataError


def replayed_indices(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Indices of at most `count` samples that stay of a stream with these class indices, [N].

    Example:

        >>> import numpy as np
        >>> kept = replayed_indices(np.array([0, 0, 0, 0, 0, 0, 1, 1]), 4)
        >>> sorted(np.array([0, 0, 0, 0, 0, 0, 1, 1])[kept].tolist())
        [0, 0, 1, 1]

    Raises DataError for a count below 1 or a negative label.
    """
    values = np.asarray(labels).reshape(-1).astype(np.int64)
    if count < 1:
        raise DataError(f"replay {count}: must be 1 or larger")
    if values.size and values.min() < 0:
        raise DataError(f"replay: label {values.min()} is negative")
    classes = int(values.max(initial=0)) + 1
    word = int(np.random.SeedSequence(seed).generate_state(1)[0]) or 1
    return np.array(runtime().replayed_indices(values.tolist(), count, classes, word), np.int64)


def epoch_order(
    generator: np.random.Generator, samples: int, replayed: int, shuffle: bool
) -> np.ndarray:
    """The samples of one epoch: each of the `samples` new ones, and after it one of the
    `replayed` old ones at random; those count from `samples` on."""
    order = generator.permutation(samples) if shuffle else np.arange(samples)
    if not replayed:
        return order
    old = samples + generator.integers(replayed, size=samples)
    return np.stack([order, old], axis=1).reshape(-1)
