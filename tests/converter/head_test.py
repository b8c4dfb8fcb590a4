"""Heads: losses, replaced classifiers, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import converter
from converter.cli import main
from converter.errors import ConverterError
from converter.model import Operator, read_model, write_model
from tests.zoo.int8 import calibration_data, to_int8, zoo_model
from tflm_training import Trainer

layers = tf.keras.layers


def _metadata(flatbuffer: bytes) -> dict[str, object]:
    return dict(json.loads(read_model(flatbuffer).metadata["tflm_training"]))


@pytest.mark.parametrize(
    ("model", "loss", "expected", "classes"),
    [
        ("dense", None, "softmax_cross_entropy", 4),
        ("concatenated", None, "softmax_cross_entropy", 3),
        ("binary", None, "sigmoid_cross_entropy", 2),
        ("autoencoder", "mse", "mse", None),
    ],
)
def test_loss_follows_the_head(
    model: str, loss: str | None, expected: str, classes: int | None
) -> None:
    described = _metadata(converter.convert(zoo_model(model), loss=loss).flatbuffer)
    assert (described["loss"], described["num_classes"]) == (expected, classes)


def test_signature_and_inputs() -> None:
    model = read_model(converter.convert(zoo_model("dense")).flatbuffer)
    assert [t.name for t in model.graph.inputs[1:]] == ["label", "learning_rate"]
    assert model.graph.outputs[-1].name == "loss"
    assert [s.key for s in model.signatures] == ["serving_default", "train"]
    assert set(model.signatures[1].inputs) >= {"label", "learning_rate"}


@pytest.mark.parametrize("name", ["dense", "batch_normalised", "concatenated"])
def test_num_classes(name: str) -> None:
    before = read_model(zoo_model(name)).graph
    converted = converter.convert(zoo_model(name), num_classes=11, update="last:1")
    graph = read_model(converted.flatbuffer).graph
    assert graph.outputs[0].shape == (1, 11)
    assert _metadata(converted.flatbuffer)["num_classes"] == 11
    forward = [op.name for op in converted.training.forward]
    assert ("SOFTMAX" in forward) == any(op.name == "SOFTMAX" for op in before.operators)
    classifier = converted.training.layers[-1]
    assert classifier.operator.output.shape[-1] == 11
    weights = next(t for t in graph.tensors() if t.name == f"{classifier.filter.name}/initial")
    assert weights.data is not None
    assert len(np.unique(weights.data)) > 5


def test_num_classes_needs_a_classifier() -> None:
    model = tf.keras.Sequential(
        [layers.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    )
    data = to_int8(model, calibration_data((6, 6, 3)))
    with pytest.raises(ConverterError, match="not from a FULLY_CONNECTED or a CONV_2D"):
        converter.convert(data, num_classes=5)
    with pytest.raises(ConverterError, match="at least 2 classes"):
        converter.convert(zoo_model("dense"), num_classes=1)


def test_regressor_needs_mse() -> None:
    model = tf.keras.Sequential([layers.Input((5,)), layers.Dense(1)])
    data = to_int8(model, calibration_data((5,)))
    with pytest.raises(ConverterError, match="use --loss mse"):
        converter.convert(data)
    assert converter.convert(data, loss="mse").training.head.loss == "mse"


def test_float_model_is_refused() -> None:
    model = tf.keras.Sequential([layers.Input((5,)), layers.Dense(3)])
    data = bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    with pytest.raises(ConverterError, match="not a fully int8-quantised model"):
        converter.convert(data)


def test_uint8_interface_is_trained_behind_it() -> None:
    """QUANTIZE at the input and output are frozen parts like any other."""
    model = tf.keras.Sequential(
        [layers.Input((5,)), layers.Dense(6, activation="relu"), layers.Dense(3)]
    )
    data = to_int8(model, calibration_data((5,)), tf.uint8)
    converted = converter.convert(data, update="all")
    assert len(converted.training.scheme) == 2
    assert converted.training.head.logits.dtype == np.int8


def test_operator_without_rule() -> None:
    """Named when it is in the way, left alone in the frozen part, passed by `auto`."""
    model = tf.keras.Sequential(
        [
            layers.Input((7,)),
            layers.Dense(6, activation="tanh"),
            layers.Dense(5, activation="relu"),
            layers.Dense(3),
        ]
    )
    data = to_int8(model, calibration_data((7,)))
    with pytest.raises(ConverterError, match=r"TANH '.*it has no gradient rule.*--update last:2"):
        converter.convert(data, update="all")
    assert len(converter.convert(data, update="last:2").training.scheme) == 2
    assert len(converter.convert(data).training.scheme) == 2


def test_training_flatbuffer_is_not_converted_again() -> None:
    flatbuffer = converter.convert(zoo_model("dense")).flatbuffer
    with pytest.raises(ConverterError, match="already a training flatbuffer"):
        converter.convert(flatbuffer)


def test_shared_zero_biases_part_ways() -> None:
    """One constant that two layers share by coincidence becomes two variables."""
    tf.keras.utils.set_random_seed(3)
    model = tf.keras.Sequential(
        [
            layers.Input((6, 6, 4)),
            layers.Conv2D(4, 1, activation="relu"),
            layers.Conv2D(4, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    converted = converter.convert(to_int8(model, calibration_data((6, 6, 4))), update="all")
    graph = read_model(converted.flatbuffer).graph
    updated = [id(op.inputs[2]) for op in graph.operators if op.name == "BIAS_UPDATE"]
    assert len(updated) == len(set(updated)) >= 2


def test_accumulator_that_trained_weights_could_overflow() -> None:
    model = tf.keras.Sequential([layers.Input((70_000,)), layers.Dense(2)])
    data = to_int8(model, calibration_data((70_000,))[:4])
    with pytest.raises(ConverterError, match="int32 accumulator could overflow; freeze it"):
        converter.convert(data, update="all")


def test_unknown_operator_makes_the_arena_an_estimate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = read_model(zoo_model("dense"))
    # A custom operator of the user's own in the frozen part.
    source = model.graph.inputs[0]
    result = dataclasses.replace(source, name="filtered")
    model.graph.replace(source, result)
    model.graph.operators.insert(0, Operator("MY_FILTER", [source], [result], is_custom=True))
    path = tmp_path / "custom.tflite"
    path.write_bytes(write_model(model))
    assert main([str(path), "--budget", "64k", "--update", "last:1"]) == 0
    assert "the arena is an estimate; what TFLM takes for MY_FILTER" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["dense", "batch_normalised", "concatenated"])
def test_spare_classes_leave_the_others_alone(name: str) -> None:
    """Old classes keep their order and proportions; the new ones come last."""
    plain = converter.convert(zoo_model(name), update="last:1")
    spare = converter.convert(zoo_model(name), update="last:1", spare_classes=2)
    classes = plain.training.head.num_classes
    assert classes is not None and _metadata(spare.flatbuffer)["num_classes"] == classes + 2
    shape = plain.training.model.graph.inputs[0].shape[1:]
    x = np.random.default_rng(0).integers(-128, 128, (20, *shape)).astype(np.int8)
    before = Trainer(plain.flatbuffer).predict(x)
    after = Trainer(spare.flatbuffer).predict(x)
    assert after.shape == (20, classes + 2)
    np.testing.assert_array_equal(before.argmax(axis=1), after[:, :classes].argmax(axis=1))
    if any(op.name == "SOFTMAX" for op in plain.training.forward):
        share = after[:, :classes] / after[:, :classes].sum(axis=1, keepdims=True)
        assert np.abs(before - share).max() < 0.02
    else:
        np.testing.assert_array_equal(before, after[:, :classes])
    assert np.all(after[:, classes:] <= after[:, :classes].min(axis=1, keepdims=True))


def test_spare_classes_learn() -> None:
    """One sample of a class that the model never had, again and again, becomes that class."""
    converted = converter.convert(zoo_model("dense"), update="last:1", spare_classes=1)
    classes = converted.training.head.num_classes
    shape = converted.training.model.graph.inputs[0].shape[1:]
    x = np.random.default_rng(1).integers(-128, 128, (1, *shape)).astype(np.int8)
    trainer = Trainer(converted.flatbuffer)
    y = np.array([classes - 1])
    assert trainer.evaluate(x, y)["accuracy"] == 0.0
    trainer.fit(np.repeat(x, 50, axis=0), np.repeat(y, 50), epochs=1, learning_rate=0.05)
    assert trainer.evaluate(x, y)["accuracy"] == 1.0


def test_spare_classes_need_a_softmax() -> None:
    with pytest.raises(ConverterError, match="--spare_classes: needs the loss softmax"):
        converter.convert(zoo_model("binary"), spare_classes=1)
    with pytest.raises(ConverterError, match="must be 0 or larger"):
        converter.convert(zoo_model("dense"), spare_classes=-1)
