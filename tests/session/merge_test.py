"""Merged models: the outputs of the training flatbuffer, bit for bit, in any TFLite runtime.

LiteRT's reference FULLY_CONNECTED rounds once where TFLM's rounds twice (docs/arithmetic.md), for
stock models as for merged ones. The tests compute both roundings of each such layer and hold
every runtime to its own, so that no other difference can hide behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import converter
from converter.errors import ConverterError
from converter.ir.requantisation import requantisation_tables
from converter.merge import merge
from converter.model import Operator, read_model
from converter.rules.convolution import bias_of, filter_of, input_of, weight_scales
from kernels.core.requantize_twin import multiply_by_quantized_multiplier
from tests.stock import DIGITS, at_hand, stock_data, stock_model
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS
from tflm_training import Trainer
from tflm_training._library import runtime

# Model -> its data and whether FULLY_CONNECTED is its classifier.
STOCK_MODELS = {
    "digits": (None, True),
    "kws_ref_model": ("kws01", True),
    "vww_96_int8": ("person96", True),
    "pretrainedResnet_quant": ("cifar10", True),
    "mcunet-5fps-128": (None, False),
}


def _names(content: bytes) -> Counter[str]:
    return Counter(op.name for op in read_model(content).graph.operators)


def _train(flatbuffer: bytes, x: np.ndarray, y: np.ndarray | None, rate: float = 0.02) -> Trainer:
    """Trained on x until its predictions have changed."""
    trainer = Trainer(flatbuffer)
    before = trainer.predict_quantized(x)
    if y is None:  # a regressor
        trainer.fit(x, before[::-1].copy(), epochs=1, learning_rate=rate)
    else:
        trainer.fit(x, y, epochs=1, learning_rate=rate)
    assert (trainer.predict_quantized(x) != before).any()
    return trainer


def _tflm(content: bytes, x: np.ndarray) -> np.ndarray:
    interpreter = runtime().Interpreter(content)
    results = []
    for sample in x:
        interpreter.set_input(0, sample)
        interpreter.invoke()
        results.append(interpreter.get_output(0)[0])
    return np.stack(results)


class _LiteRt:
    """A model in LiteRT's reference kernels, with the value of every tensor."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._index = {d["name"]: d["index"] for d in self._interpreter.get_tensor_details()}

    def run(self, sample: np.ndarray) -> np.ndarray:
        source = self._interpreter.get_input_details()[0]
        self._interpreter.set_tensor(source["index"], sample.reshape(source["shape"]))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"])[0]

    def tensor(self, name: str) -> np.ndarray:
        return self._interpreter.get_tensor(self._index[name])


def _fully_connected(operator: Operator, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The int8 output of a FULLY_CONNECTED without activation: rounded once, and twice."""
    weights, bias = filter_of(operator).data, bias_of(operator)
    assert weights is not None and bias is not None and bias.data is not None
    shifted = source.reshape(-1).astype(np.int64) - input_of(operator).zero_point
    acc = weights.astype(np.int64) @ shifted + bias.data
    multiplier, shift = (
        table.astype(np.int64)
        for table in requantisation_tables(
            input_of(operator).scale, weight_scales(operator), operator.output.scale, True
        )
    )
    right = 31 - shift
    once = (acc * multiplier + (np.int64(1) << (right - 1))) >> right
    twice = multiply_by_quantized_multiplier(acc, multiplier, shift)
    zero_point = operator.output.zero_point
    once, twice = (np.clip(q + zero_point, -128, 127).astype(np.int8) for q in (once, twice))
    return once, twice


def _compare(
    content: bytes, expected: np.ndarray, x: np.ndarray, has_classifier: bool
) -> tuple[int, int]:
    """Hold LiteRT's run of a model to TFLM's outputs `expected`, except for the rounding of its
    classifier. Returns the samples with other logits and those with another output."""
    model, litert, other_logits, other_output = read_model(content), _LiteRt(content), 0, 0
    layers = [op for op in model.graph.operators if op.name == "FULLY_CONNECTED"]
    assert len(layers) == int(has_classifier)
    tflm = runtime().Interpreter(content, preserve_all_tensors=True)
    indices = {tensor.name: tensor.index for tensor in tflm.tensors()}
    for sample, output in zip(x, expected, strict=True):
        found = litert.run(sample)
        rounds_alike = True
        tflm.set_input(0, sample)
        tflm.invoke()
        for layer in layers:
            source, result = input_of(layer).name, layer.output.name
            features = litert.tensor(source)
            np.testing.assert_array_equal(features, tflm.tensor(indices[source]))
            once, twice = _fully_connected(layer, features)
            np.testing.assert_array_equal(litert.tensor(result)[0], once)
            np.testing.assert_array_equal(tflm.tensor(indices[result])[0], twice)
            rounds_alike = np.array_equal(once, twice)
        same = np.array_equal(found, output)
        assert same or not rounds_alike
        other_logits += not rounds_alike
        other_output += not same
    return other_logits, other_output


def _with_data(names: list[str]) -> list[str]:
    """Those whose data, if they need any, are here too."""
    sources = {name: STOCK_MODELS[name][0] for name in names}
    return [name for name, data in sources.items() if data is None or stock_data(data).is_file()]


@pytest.mark.parametrize("update", ["all", "last:2"])
@pytest.mark.parametrize("name", _with_data(at_hand(STOCK_MODELS)))
def test_stock_models(
    name: str, update: str, record_property: Callable[[str, object], None]
) -> None:
    data, has_classifier = STOCK_MODELS[name]
    original = stock_model(name).read_bytes()
    flatbuffer = converter.convert(original, update=update).flatbuffer
    trainer = Trainer(flatbuffer)
    if data is not None:
        arrays = np.load(stock_data(data))
        x, y = arrays["x_test"][:100], arrays["y_test"][:100].reshape(-1)
        x = x if x.dtype == np.int8 else (x ^ 0x80).view(np.int8)
    else:
        rng = np.random.default_rng(5)
        shape = runtime().Interpreter(original).inputs()[0].shape
        x = rng.integers(-128, 128, (20, *shape[1:])).astype(np.int8)
        y = rng.integers(0, trainer.classes, 20)
    trainer = _train(flatbuffer, x, y, 0.002)
    merged = merge(flatbuffer, trainer.variables())
    assert _names(merged) == _names(original)
    trained = trainer.predict_quantized(x)
    np.testing.assert_array_equal(_tflm(merged, x), trained)
    record_property("merged", _compare(merged, trained, x, has_classifier))
    # The original differs in the same way, and in no other.
    shipped = _tflm(original, x)
    record_property("original", _compare(original, shipped, x, has_classifier))
    np.testing.assert_array_equal(_tflm(merge(flatbuffer), x), shipped)


@pytest.mark.parametrize("update", ["all", "last:1"])
@pytest.mark.parametrize("name", MODELS)
def test_fresh_models(name: str, update: str) -> None:
    regressor = name in [r.__name__ for r in REGRESSORS]
    content = zoo_model(name)
    converted = converter.convert(content, update=update, loss="mse" if regressor else None)
    rng = np.random.default_rng(2)
    shape = runtime().Interpreter(converted.flatbuffer).inputs()[0].shape
    x = rng.integers(-128, 128, (12, *shape[1:])).astype(np.int8)
    y = None if regressor else rng.integers(0, 2, 12)
    trainer = _train(converted.flatbuffer, x, y, 0.2)
    merged = merge(converted.flatbuffer, trainer.variables())
    trained = trainer.predict_quantized(x)
    np.testing.assert_array_equal(_tflm(merged, x), trained)
    # LiteRT takes it; several FULLY_CONNECTED add their roundings up.
    litert = _LiteRt(merged)
    difference = np.stack([litert.run(s) for s in x]).astype(int) - trained
    assert np.abs(difference).max() <= 2
    layers = (*("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "PAD", "ADD"),)
    assert all(_names(merged)[layer] == _names(content)[layer] for layer in layers)
    assert not read_model(merged).graph.tensors()[0].is_variable
    assert [s.key for s in read_model(merged).signatures] == ["serving_default"]


def test_split_filters_are_joined() -> None:
    original = DIGITS.read_bytes()
    flatbuffer = converter.convert(original, 14 * 1024).flatbuffer
    parts = [t.name for t in read_model(flatbuffer).graph.tensors() if "/frozen" in t.name]
    assert len(parts) > 3
    before, after = read_model(original).graph, read_model(merge(flatbuffer)).graph
    assert [op.name for op in after.operators] == [op.name for op in before.operators]
    for old, new in zip(before.operators, after.operators, strict=True):
        if old.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        assert old.version == new.version and old.options_type == new.options_type
        for a, b in zip(old.inputs[1:], new.inputs[1:], strict=True):
            assert a is not None and b is not None and a.quantization and b.quantization
            assert a.name == b.name
            np.testing.assert_array_equal(a.data, b.data)
            np.testing.assert_allclose(a.quantization.scale, b.quantization.scale, rtol=1e-6)
            assert a.quantization.zero_point.tolist() == b.quantization.zero_point.tolist()
            assert a.quantization.quantized_dimension == b.quantization.quantized_dimension


def test_a_new_classifier_is_merged() -> None:
    converted = converter.convert(DIGITS.read_bytes(), update="last:2", num_classes=4)
    rng = np.random.default_rng(2)
    x = rng.integers(-128, 128, (12, 8, 8, 1)).astype(np.int8)
    trainer = _train(converted.flatbuffer, x, rng.integers(0, 4, 12))
    merged = merge(converted.flatbuffer, trainer.variables())
    output = _tflm(merged, x)
    assert output.shape == (12, 4)
    np.testing.assert_array_equal(output, trainer.predict_quantized(x))


@pytest.mark.parametrize("options", [{"weight_bits": 16}, {"spare_classes": 2}, {"accumulate": 3}])
def test_conversions_of_other_kinds(options: dict[str, int], tmp_path: Path) -> None:
    converted = converter.convert(DIGITS.read_bytes(), update="last:3", **options)  # type: ignore
    rng = np.random.default_rng(2)
    x = rng.integers(-128, 128, (40, 8, 8, 1)).astype(np.int8)
    trainer = _train(converted.flatbuffer, x, rng.integers(0, 10, 40))
    trainer.save(tmp_path / "run.ckpt")
    restored = Trainer(converted.flatbuffer)
    restored.restore(tmp_path / "run.ckpt")
    merged = merge(converted.flatbuffer, restored.variables())
    np.testing.assert_array_equal(_tflm(merged, x), trainer.predict_quantized(x))
    for t in (trainer, restored):
        t.fit(x, np.arange(40) % 10, epochs=1)
    for name, values in trainer.variables().items():
        np.testing.assert_array_equal(values, restored.variables()[name])


def test_what_cannot_be_merged() -> None:
    original = DIGITS.read_bytes()
    with pytest.raises(ConverterError, match="digits: not a training flatbuffer"):
        merge(original, name="digits")
    flatbuffer = converter.convert(original, update="last:1").flatbuffer
    variables = Trainer(flatbuffer).variables()
    name = next(iter(variables))
    with pytest.raises(ConverterError, match="belongs to another model"):
        merge(flatbuffer, {**variables, name: variables[name][:-1]})
    with pytest.raises(ConverterError, match="has no variable nowhere"):
        merge(flatbuffer, {**variables, "nowhere": variables[name]})
    # What is no array is the caller's mistake, not damage of the file.
    with pytest.raises(ConverterError, match="cannot hold int64 .*: it belongs to another model"):
        merge(flatbuffer, {**variables, name: [1, 2]})  # type: ignore[dict-item]
    with pytest.raises(ConverterError, match="variables are no arrays .*inhomogeneous"):
        merge(flatbuffer, {**variables, name: [[1], [2, 3]]})  # type: ignore[dict-item]


def test_the_id_tells_conversions_apart() -> None:
    original = DIGITS.read_bytes()
    ids = [
        read_model(converter.convert(original, update=update).flatbuffer).metadata[
            "tflm_training_id"
        ]
        for update in ("last:1", "last:1", "last:2")
    ]
    assert ids[0] == ids[1] != ids[2] and len(ids[0]) == 16
