"""--accumulate N: gradients of N samples add up before the weights move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from converter.cli import main
from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError
from converter.ir.training_ops import FRACTION, ApplyUpdates, Conv2DFilterUpdate
from converter.model import Operator, read_model
from converter.passes.accumulation import COUNT_NAME, MAX_SAMPLES
from converter.passes.training_graph import Lowering, Source, prepare
from converter.rules.rule import LayerUpdate
from converter.search.estimate import Estimator
from converter.search.fit import Limit, fit
from tests.stock import DIGITS
from tests.zoo.int8 import calibration_data, to_int8, zoo_model
from tflm_training import Trainer


def _convert(samples: int, update: str = "all", **options: object) -> TrainingModel:
    return convert(zoo_model("residual"), update=update, accumulate=samples, **options)  # type: ignore


def _updates(converted: TrainingModel) -> list[Operator]:
    return [op for op in converted.training.backward if op.name.endswith("_UPDATE")]


def _apply(converted: TrainingModel) -> Operator:
    (operator,) = (op for op in converted.training.backward if op.name == ApplyUpdates.CUSTOM_CODE)
    return operator


def _data(count: int) -> tuple[np.ndarray, np.ndarray]:
    shape = prepare(Source(zoo_model("residual"), "model")).model.graph.inputs[0].shape[1:]
    random = np.random.default_rng(0)
    x = random.integers(-128, 128, (count, *shape)).astype(np.int8)
    return x, random.integers(0, 4, count)


def _is_pending(name: str) -> bool:
    return "/pending" in name or name == COUNT_NAME


def test_one_sample_is_no_accumulation() -> None:
    assert _convert(1).flatbuffer == convert(zoo_model("residual"), update="all").flatbuffer


def test_pending_steps_have_their_fraction_whatever_the_weight_bits() -> None:
    assert _convert(4, weight_bits=16).flatbuffer == _convert(4, weight_bits=8).flatbuffer


def test_updates_are_aimed_at_what_is_pending() -> None:
    plain, converted = _convert(1), _convert(4)
    inputs = _apply(converted).inputs
    applied = {id(inputs[i + 1]): (inputs[i], inputs[i + 2]) for i in range(4, len(inputs), 3)}
    updates = _updates(converted)
    assert len(updates) == len(_updates(plain)) == len(applied) > 4
    for before, after in zip(_updates(plain), updates, strict=True):
        place = 2 if after.name == "BIAS_UPDATE" else 3
        parameter, fraction = applied[id(after.inputs[place])]
        weights, scale, old_scale = (
            before.inputs[place],
            *(op.inputs[place + 2] for op in (after, before)),
        )
        assert weights is not None and parameter is not None
        assert parameter.name == weights.name and parameter.is_variable
        assert scale is not None and scale.data is not None
        assert old_scale is not None and old_scale.data is not None
        if place == 3:
            assert fraction is after.inputs[7] is not None
        ratio = np.float32((FRACTION if place == 3 else 1) / 4)
        np.testing.assert_array_equal(scale.data, old_scale.data * ratio)
    # It comes last, in the planned order too.
    assert converted.training.model.graph.operators[-1].name == ApplyUpdates.CUSTOM_CODE


def test_the_clamp_moves_to_the_sum() -> None:
    converted, plain = _convert(4), _convert(1)
    clamps = [
        Conv2DFilterUpdate.unpack(op.custom_options or b"").clamp
        for op in _updates(converted)
        if op.name == Conv2DFilterUpdate.CUSTOM_CODE
    ]
    assert set(clamps) == {127}
    bounds = _apply(converted).inputs[3]
    assert bounds is not None and bounds.data is not None
    wanted = [
        Conv2DFilterUpdate.unpack(op.custom_options or b"").clamp
        if op.name.endswith("FILTER_UPDATE")
        else 127
        for op in _updates(plain)
    ]
    assert bounds.data[:, 0].tolist() == wanted and min(wanted) < 127


def test_layers_with_one_filter_share_what_is_pending() -> None:
    layer = tf.keras.layers.Dense(6)
    inputs = tf.keras.Input((6,))
    hidden = tf.keras.layers.ReLU()(layer(inputs))
    outputs = tf.keras.layers.Dense(3, activation="softmax")(layer(hidden))
    layer.bias.assign(np.linspace(-1, 1, 6))
    content = to_int8(tf.keras.Model(inputs, outputs), calibration_data((6,)))
    converted = convert(content, update="all", accumulate=2)
    filters = [op.inputs[3] for op in _updates(converted) if op.name.endswith("FILTER_UPDATE")]
    assert len(filters) == 3 and len({id(tensor) for tensor in filters}) == 2
    bounds = _apply(converted).inputs[3]
    assert bounds is not None and bounds.shape == (4, 2)  # two filters, two biases
    trainer = Trainer(converted.flatbuffer)
    assert trainer.arena_used_bytes == converted.arena_host.total
    before = trainer.variables()
    x = np.random.default_rng(0).integers(-128, 128, (2, 6)).astype(np.int8)
    trainer.fit(x, np.array([0, 1]), epochs=1, learning_rate=0.1)
    after = trainer.variables()
    assert sum(not np.array_equal(before[n], after[n]) for n in before if "pending" not in n) > 3


def test_arena_is_predicted_and_counted() -> None:
    plain, converted = _convert(1), _convert(4)
    variables = [t for t in converted.training.model.graph.tensors() if t.is_variable]
    pending = sum(-(-t.bytes // 16) * 16 for t in variables if _is_pending(t.name))
    more, fewer = (c.arena.tail_parts["variables"] for c in (converted, plain))
    assert abs(more - fewer - pending) < 16
    assert Trainer(converted.flatbuffer).arena_used_bytes == converted.arena_host.total
    report = converted.lowering
    assert report.accumulate == 4 and (report.weight_bytes, report.bias_bytes) == (3, 8)


@pytest.mark.parametrize("name", ["residual", "batch_normalised"])
def test_auto_counts_what_is_pending(name: str) -> None:
    source = Source(zoo_model(name), name)
    budget = convert(zoo_model(name), update="last:2").arena.smallest_arena
    plain = convert(zoo_model(name), budget=budget)
    converted = convert(zoo_model(name), budget=budget, accumulate=4)
    assert converted.arena.smallest_arena <= budget
    # The scheme that fits without does not fit with, and the search's own figure says so.
    fitted = fit(source, plain.training.scheme, Limit(budget, accumulate=4))
    assert fitted.plan.arena.smallest_arena > budget
    estimate, narrow = (
        Estimator(source, Lowering(accumulate=n)).arena(converted.training.scheme) for n in (4, 1)
    )
    assert estimate > narrow


def test_weights_stand_still_until_the_last_sample() -> None:
    converted = _convert(5)
    trainer = Trainer(converted.flatbuffer)
    before = trainer.variables()
    x, y = _data(5)
    for i in range(5):
        trainer.fit(x[i : i + 1], y[i : i + 1], epochs=1, learning_rate=0.05, decay=None)
        now = trainer.variables()
        moved = [n for n in before if not np.array_equal(before[n], now[n]) and not _is_pending(n)]
        assert now[COUNT_NAME].tolist() == [(i + 1) % 5]
        assert bool(moved) == (i == 4)
        values = [now[name] for name in now if name.endswith("/pending")]
        assert any(value.any() for value in values) == (i < 4)
    trainer.reset()
    assert not any(trainer.variables()[name].any() for name in before if _is_pending(name))


def test_steps_too_small_for_int8_add_up() -> None:
    """What rounding leaves at the N-th sample is there at the next one."""
    converted = _convert(2, update="last:1")
    trainer = Trainer(converted.flatbuffer)
    start = trainer.variables()
    name = next(n for n in start if n.endswith("/pending_fraction"))
    weights = name.removesuffix("/pending_fraction")
    x, y = _data(1)
    repeated = np.repeat(x, 40, axis=0), np.repeat(y, 40)
    trainer.fit(repeated[0][:2], repeated[1][:2], epochs=1, learning_rate=1e-3, decay=None)
    first = trainer.variables()
    step = first[name] / FRACTION
    assert 0 < np.abs(step).max() < 0.5
    np.testing.assert_array_equal(first[weights], start[weights])
    trainer.fit(*repeated, epochs=1, learning_rate=1e-3, decay=None)
    last = trainer.variables()
    moved = last[weights] + last[name] / FRACTION - start[weights]
    largest = np.unravel_index(np.abs(step).argmax(), step.shape)
    assert last[weights][largest] != start[weights][largest]
    # The gradient wanes a little as the sample is learned.
    assert 15 < moved[largest] / step[largest] < 22


def test_inference_does_not_count() -> None:
    converted = _convert(3)
    trainer = Trainer(converted.flatbuffer)
    x, y = _data(4)
    trainer.fit(x[:1], y[:1], epochs=1)
    before = trainer.variables()
    trainer.evaluate(x, y)
    for name, value in trainer.variables().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("loss", ["mse", None])
def test_targets_and_new_classifiers(loss: str | None) -> None:
    """A target is no label: only the learning rate tells training from inference."""
    if loss:
        converted = convert(zoo_model("autoencoder"), update="last:1", loss=loss, accumulate=2)
        x = np.random.default_rng(0).integers(-128, 128, (2, 24)).astype(np.int8)
        y = None
    else:
        converted = _convert(2, update="last:1", spare_classes=2)
        x, y = _data(2)
    assert (_apply(converted).inputs[0] is None) == (loss == "mse")
    trainer = Trainer(converted.flatbuffer)
    before = trainer.variables()
    trainer.fit(x[:1], None if y is None else y[:1], epochs=1, learning_rate=0.1)
    assert trainer.variables()[COUNT_NAME] == [1]
    trainer.evaluate(x, y)
    assert trainer.variables()[COUNT_NAME] == [1]
    trainer.fit(x[1:], None if y is None else y[1:], epochs=1, learning_rate=0.1)
    weights = next(n for n in before if before[n].dtype == np.int8 and not _is_pending(n))
    assert not np.array_equal(trainer.variables()[weights], before[weights])


def test_slices_of_channels() -> None:
    """Only the trained channels have something pending."""
    source = Source(zoo_model("residual"), "residual")
    layers = prepare(source).layers
    scheme = {x.index: LayerUpdate(False, -(-x.channels // 2), x.channels) for x in layers[-3:]}
    training = fit(source, scheme, Limit(accumulate=2)).training
    (operator,) = (op for op in training.backward if op.name == ApplyUpdates.CUSTOM_CODE)
    for index, i in zip(
        sorted(scheme, reverse=True), range(4, len(operator.inputs), 3), strict=True
    ):
        weights, pending, fraction = operator.inputs[i : i + 3]
        assert weights is not None and pending is not None and fraction is not None
        assert weights.name.endswith("/trained")
        assert weights.shape == pending.shape == fraction.shape
        assert weights.shape[-1] == scheme[index].channels


@pytest.mark.parametrize("samples", [0, -3, MAX_SAMPLES + 1, 2.5, float("nan"), True, "4"])
def test_other_numbers_are_refused(samples: object) -> None:
    with pytest.raises(ConverterError, match=f"--accumulate {samples}: must be a whole number"):
        convert(zoo_model("residual"), accumulate=samples)  # type: ignore[arg-type]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [str(DIGITS), "--budget", "16k", "--output", str(tmp_path)]
    for more in ([], ["--sweep", str(tmp_path / "sweep")]):
        assert main([*command[: 3 if more else 5], "--accumulate", "0", *more]) == 1
        error = capsys.readouterr().err
        assert error == (
            f"error: --accumulate 0: must be a whole number of samples in 1..{MAX_SAMPLES}\n"
        )
    assert main([*command, "--accumulate", "8", "--quiet"]) == 0
    model = read_model((tmp_path / "digits_int8_train.tflite").read_bytes(), "digits")
    operator = model.graph.operators[-1]
    assert operator.name == ApplyUpdates.CUSTOM_CODE and operator.custom_options is not None
    assert ApplyUpdates.unpack(operator.custom_options) == ApplyUpdates(samples=8, classes=10)
    assert '"accumulate": 8' in (tmp_path / "digits_int8_train.json").read_text()


def test_sweep_counts_what_is_pending(tmp_path: Path) -> None:
    rows = {}
    for samples in ("1", "8"):
        folder = tmp_path / samples
        arguments = [str(DIGITS), "--budget", "64k", "--update", "last:1", "--quiet"]
        assert main([*arguments, "--sweep", str(folder), "--accumulate", samples]) == 0
        rows[samples] = (folder / "sweep.csv").read_text().splitlines()
    header = rows["1"][0].split(",")
    one, eight = (int(rows[n][1].split(",")[header.index("arena_bytes")]) for n in ("1", "8"))
    assert 2 * 640 < eight - one < 2 * 640 + 400
