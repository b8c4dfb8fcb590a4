"""The predictor on real models and their training graphs."""

from __future__ import annotations

import pytest

from converter.conversion import convert
from converter.memory import CORTEX_M, HOST_64, predict_arena
from converter.model import read_model, write_model
from tests.stock import at_hand, stock_model
from tflm_training._library import runtime

# arena_used_bytes() on (the host, an emulated Cortex-M7: see cortex_m_measured.py).
MEASURED = {
    "digits": (8352, 6996),
    "kws_ref_model": (24384, 22820),
    "vww_96_int8": (104224, 100708),
    "pretrainedResnet_quant": (56176, 54996),
    "person_detect": (85856, 82308),
    "ad01_int8": (3600, 2580),
    "micro_speech_quantized": (7488, 6836),
    "hello_world_int8": (1296, 772),
    "mcunet-5fps-128": (337088, 331124),
}

TRAINED = ("digits", "kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "mcunet-5fps-128")


@pytest.mark.parametrize("name", at_hand(MEASURED))
def test_inference(name: str) -> None:
    content = stock_model(name).read_bytes()
    model = read_model(content, name)
    host, cortex_m = MEASURED[name]
    assert predict_arena(model, CORTEX_M).total == cortex_m
    estimate = predict_arena(model, HOST_64)
    assert estimate.exact
    interpreter = runtime().Interpreter(write_model(model), estimate.smallest_arena)
    assert estimate.total == host == interpreter.arena_used_bytes()
    assert host == runtime().Interpreter(content).arena_used_bytes()


@pytest.mark.parametrize("update", ["last:1", "last:4"])
@pytest.mark.parametrize("name", at_hand(TRAINED))
def test_training(name: str, update: str) -> None:
    converted = convert(stock_model(name).read_bytes(), update=update, name=name)
    assert converted.arena.exact and converted.arena_host.exact
    smallest = converted.arena_host.smallest_arena
    interpreter = runtime().Interpreter(converted.flatbuffer, smallest)
    assert interpreter.arena_used_bytes() == converted.arena_host.total
