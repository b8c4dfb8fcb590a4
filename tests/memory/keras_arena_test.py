"""The predictor on models that TensorFlow's converter made, and on their training graphs."""

from __future__ import annotations

import pytest

from converter.conversion import convert
from converter.memory import HOST_64, predict_arena
from converter.model import read_model, write_model
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS
from tflm_training._library import runtime

# TFLite Micro lacks REDUCE_PROD, which the converter folds.
UNFOLDED = ("embedding_of_steps",)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in UNFOLDED])
def test_inference(name: str) -> None:
    model = read_model(zoo_model(name), name)
    estimate = predict_arena(model, HOST_64)
    assert estimate.exact
    interpreter = runtime().Interpreter(write_model(model), estimate.smallest_arena)
    assert interpreter.arena_used_bytes() == estimate.total


@pytest.mark.parametrize("name", MODELS)
def test_training(name: str) -> None:
    loss = "mse" if name in [builder.__name__ for builder in REGRESSORS] else None
    converted = convert(zoo_model(name), name=name, loss=loss)
    estimate = converted.arena_host
    assert estimate.exact and converted.arena.exact
    interpreter = runtime().Interpreter(converted.flatbuffer, estimate.smallest_arena)
    assert interpreter.arena_used_bytes() == estimate.total
