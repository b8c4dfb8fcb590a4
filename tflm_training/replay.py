"""Replay: samples seen before are trained on again, so that new classes do not displace old ones.

What is kept is what a device's ReplayBuffer (replay_buffer.h) keeps of the same stream: while
there is room every sample, after that a balanced choice of the classes.
"""

from __future__ import annotations

import numpy as np

from tflm_training._library import runtime
from tflm_training.arguments import whole_number
from tflm_training.data import DataError


def replayed_indices(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Indices of at most `count` samples that stay of a stream with these class indices, [N].

    Example:

        >>> import numpy as np
        >>> kept = replayed_indices(np.array([0, 0, 0, 0, 0, 0, 1, 1]), 4)
        >>> sorted(np.array([0, 0, 0, 0, 0, 0, 1, 1])[kept].tolist())
        [0, 0, 1, 1]

    Raises DataError for a count below 1, a seed below 0, and labels that are negative or no
    integers.
    """
    values = np.asarray(labels).reshape(-1)
    count, seed = whole_number("replay", count, 1), whole_number("seed", seed, 0)
    if values.size == 0:
        return np.zeros(0, np.int64)
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"replay: dtype {values.dtype.name}, labels are integers")
    if values.min() < 0:
        raise DataError(f"replay: label {values.min()} is negative")
    # Classes that never come take no part, and a buffer never holds more than the stream.
    classes, of_class = np.unique(values, return_inverse=True)
    capacity = min(count, values.size)
    word = int(np.random.SeedSequence(seed).generate_state(1)[0]) or 1
    kept = runtime().replayed_indices(of_class.tolist(), capacity, len(classes), word)
    return np.array(kept, np.int64)


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
