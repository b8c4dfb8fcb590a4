"""A training flatbuffer infers as the original, bit for bit, until it has trained."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import converter
from converter.model import write_model
from converter.passes.training_graph import Source, prepare
from tests.stock import at_hand, stock_model
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS
from tflm_training._library import runtime

# Model -> the loss that it needs to be named, if any.
STOCK_MODELS = {
    "digits": None,
    "kws_ref_model": None,
    "vww_96_int8": None,
    "pretrainedResnet_quant": None,
    "person_detect": None,
    "ad01_int8": "mse",
    "micro_speech_quantized": None,
    "hello_world_int8": "mse",
    "mcunet-5fps-128": None,
}
_SAMPLES = 10


def _samples(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(11)
    return rng.integers(-128, 128, (_SAMPLES, *shape)).astype(np.int8)


def _infer(flatbuffer: bytes) -> np.ndarray:
    """int8 outputs of a training flatbuffer in TFLM; no learning rate, so no update."""
    interpreter = runtime().Interpreter(flatbuffer)
    source, label, _ = interpreter.inputs()
    results = []
    for sample in _samples(source.shape):
        interpreter.set_input(0, sample)
        interpreter.set_input(1, np.full(label.shape, -1, label.dtype))
        interpreter.set_input(2, np.zeros(1, np.float32))
        interpreter.invoke()
        results.append(interpreter.get_output(0))
    return np.stack(results)


def _loss(name: str) -> str | None:
    return "mse" if name in [r.__name__ for r in REGRESSORS] else STOCK_MODELS.get(name)


def _infer_plain(content: bytes) -> np.ndarray:
    """int8 outputs of an inference model in TFLM."""
    interpreter = runtime().Interpreter(content)
    results = []
    for sample in _samples(interpreter.inputs()[0].shape):
        interpreter.set_input(0, sample)
        interpreter.invoke()
        results.append(interpreter.get_output(0))
    return np.stack(results)


def _infer_litert(content: bytes) -> np.ndarray:
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results = []
    for sample in _samples(tuple(source["shape"])):
        interpreter.set_tensor(source["index"], sample)
        interpreter.invoke()
        results.append(interpreter.get_tensor(result["index"]))
    return np.stack(results)


@pytest.mark.parametrize("name", MODELS)
def test_fresh_models(name: str) -> None:
    content = zoo_model(name)
    # TFLM cannot run some fresh models before their shapes are folded.
    folded = prepare(Source(content, name, _loss(name))).model
    expected = _infer_plain(write_model(folded))
    # FULLY_CONNECTED rounds once in LiteRT and twice in TFLM.
    difference = np.abs(expected.astype(int) - _infer_litert(content))
    assert difference.max() <= 2 and difference.mean() < 0.1
    for update in ("all", "last:1"):
        converted = converter.convert(content, update=update, loss=_loss(name))
        np.testing.assert_array_equal(_infer(converted.flatbuffer), expected)


@pytest.mark.parametrize("name", at_hand(STOCK_MODELS))
def test_stock_models(name: str) -> None:
    content = stock_model(name).read_bytes()
    expected = _infer_plain(content)
    for update in ("all", "last:2"):
        converted = converter.convert(content, update=update, loss=_loss(name))
        np.testing.assert_array_equal(_infer(converted.flatbuffer), expected)
        used = runtime().Interpreter(converted.flatbuffer).arena_used_bytes()
        assert used == converted.arena_host.total
