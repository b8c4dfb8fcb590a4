"""The examples in the docstrings of the public API give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

from tests.runner.tiny_models import plain_model
from tflm_training import Trainer


@pytest.mark.parametrize(
    ("module", "objects"),
    [
        ("converter.conversion", {"convert"}),
        ("tflm_training.callbacks", {"Callback", "EarlyStopping", "ModelCheckpoint"}),
        ("tflm_training.evaluation", {"Evaluator.confusion_matrix"}),
        ("tflm_training.history", {"History"}),
        ("tflm_training.replay", {"replayed_indices"}),
        ("tflm_training.trainer", {"Trainer"}),
    ],
)
def test_examples(
    module: str,
    objects: set[str],
    classifier: bytes,
    samples: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    x, y = samples
    given = {
        "Trainer": Trainer,
        "flatbuffer": classifier,
        "folder": tmp_path,
        "model": plain_model(np.ones((3, 8)), (1, 8)),
        **{"x": x, "y": y, "x_test": x, "y_test": y},
    }
    found = doctest.DocTestFinder(exclude_empty=True).find(
        importlib.import_module(module), extraglobs=given
    )
    examples = [test for test in found if test.examples]
    assert {test.name.removeprefix(f"{module}.") for test in examples} == objects
    for test in examples:
        assert doctest.DocTestRunner().run(test).failed == 0, test.name
