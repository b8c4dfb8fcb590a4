"""Real handwritten digits as the .npz that `python -m tflm_training` takes.

scikit-learn ships 1,797 digits that 43 people wrote: 8x8 pixels of 0 to 16.

    python -m examples.digits.data digits.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SIZE = 8  # pixels, both ways
CLASSES = 10
TRAIN_SAMPLES = 1000
_PIXEL_MAX = 16.0


def handwritten_digits() -> dict[str, np.ndarray]:
    """1,000 digits to train on and 797 to test on, always the same ones.

    x_train, x_test: float32 [N, 8, 8, 1] in [0, 1], ink is 1. y_train, y_test: int32 [N].
    Every class has the same share of both.
    """
    digits = load_digits()
    images = (digits.images / _PIXEL_MAX).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, train_size=TRAIN_SAMPLES, stratify=labels, random_state=0
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the handwritten digits as .npz.")
    parser.add_argument("path", type=Path, help="the .npz to write")
    np.savez_compressed(parser.parse_args().path, **handwritten_digits())


if __name__ == "__main__":
    main()
