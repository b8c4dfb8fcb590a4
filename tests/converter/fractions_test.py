"""--weight_bits 16: a byte of fraction for every weight that is trained."""

from __future__ import annotations

import numpy as np
import pytest

from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError
from converter.ir.training_ops import FRACTION
from converter.model import Operator, Tensor
from converter.search.fit import Limit
from tests.zoo.int8 import zoo_model
from tflm_training import Trainer


def _convert(weight_bits: int, update: str = "all") -> TrainingModel:
    return convert(zoo_model("residual"), update=update, weight_bits=weight_bits)


def _filter_updates(converted: TrainingModel) -> list[Operator]:
    backward = converted.training.backward
    return [operator for operator in backward if operator.name.endswith("_FILTER_UPDATE")]


def _data(converted: TrainingModel) -> tuple[np.ndarray, np.ndarray]:
    shape = converted.training.model.graph.inputs[0].shape[1:]
    random = np.random.default_rng(0)
    return random.integers(-128, 128, (20, *shape)).astype(np.int8), np.arange(20) % 2


def test_every_trained_filter_has_a_fraction() -> None:
    narrow, wide = _filter_updates(_convert(8)), _filter_updates(_convert(16))
    assert len(narrow) == len(wide) > 1
    for before, after in zip(narrow, wide, strict=True):
        weights, fraction, scale = (after.inputs[i] for i in (3, 7, 5))
        assert before.inputs[7] is None and isinstance(fraction, Tensor)
        assert weights is not None and fraction.is_variable and fraction.shape == weights.shape
        assert before.inputs[5] is not None and scale is not None
        assert before.inputs[5].data is not None
        np.testing.assert_array_equal(scale.data, before.inputs[5].data * FRACTION)


def test_arena_and_flash() -> None:
    """The arena grows by the weights, as predicted; the flash by descriptions only."""
    narrow, wide = _convert(8), _convert(16)
    filters = [op.inputs[3] for op in _filter_updates(narrow)]
    weights = sum(tensor.bytes for tensor in filters if tensor is not None)
    assert wide.arena.total - narrow.arena.total >= weights
    assert Trainer(wide.flatbuffer).arena_used_bytes == wide.arena_host.total
    assert len(wide.flatbuffer) - len(narrow.flatbuffer) < 256 * len(filters)


def test_steps_too_small_for_int8_add_up() -> None:
    """With steps of 1/64 LSB and one sample again and again, fractions hold every step."""
    wide = _convert(16, update="last:1")
    x, y = _data(wide)
    trainer = Trainer(wide.flatbuffer)
    before = trainer.variables()
    name = next(n for n in before if n.endswith("/fraction"))
    weights = name.removesuffix("/fraction")
    trainer.fit(x[:1], y[:1], epochs=1, learning_rate=1e-3, decay=None)
    first = trainer.variables()
    moved = first[name] / FRACTION + first[weights] - before[weights].astype(np.float64)
    assert 0 < np.abs(moved).max() < 0.5
    np.testing.assert_array_equal(first[weights], before[weights])
    trainer.reset()
    assert not trainer.variables()[name].any()


def test_slices_and_tied_budget() -> None:
    needed = _convert(8).arena.smallest_arena
    converted = convert(zoo_model("residual"), budget=needed, weight_bits=16)
    assert converted.lowering.weight_bits == 16
    assert converted.arena.smallest_arena <= needed
    assert Trainer(converted.flatbuffer).arena_used_bytes == converted.arena_host.total


def test_other_widths_are_refused() -> None:
    with pytest.raises(ConverterError, match="--weight_bits 12: must be 8 or 16"):
        convert(zoo_model("residual"), weight_bits=12)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"budget": 0}, "--budget 0: must be a positive number of bytes"),
        ({"gradient_bits": 12}, "--gradient_bits 12: must be 8 or 16"),
        ({"weight_bits": 4}, "--weight_bits 4: must be 8 or 16"),
    ],
)
def test_a_limit_that_is_none(limit: dict[str, int], message: str) -> None:
    """Whoever makes one: a conversion, or a sweep over budgets."""
    with pytest.raises(ConverterError, match=message):
        Limit(**limit)
    with pytest.raises(ConverterError, match=message):
        convert(zoo_model("residual"), **limit)  # type: ignore[arg-type]
