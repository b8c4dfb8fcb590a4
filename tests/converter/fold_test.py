"""What TFLite's converter writes for dynamic batches and dilation, folded."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converter.errors import ConverterError
from converter.model import Model, read_model, write_model
from converter.passes.dilation import fold_dilated_convolutions
from converter.passes.fold import fold_constants
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS

_SHAPE_ARITHMETIC = {"SHAPE", "STRIDED_SLICE", "PACK", "GATHER", "REDUCE_PROD"}


def _folded(name: str) -> Model:
    model = read_model(zoo_model(name))
    fold_constants(model.graph)
    fold_dilated_convolutions(model.graph)
    return model


def _names(model: Model) -> set[str]:
    return {op.name for op in model.graph.operators}


def _outputs(flatbuffer: bytes) -> np.ndarray:
    interpreter = Interpreter(
        model_content=flatbuffer, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    rng = np.random.default_rng(5)
    results = []
    for _ in range(8):
        sample = rng.integers(-128, 128, source["shape"]).astype(np.int8)
        interpreter.set_tensor(source["index"], sample)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(results)


@pytest.mark.parametrize("name", MODELS)
def test_folding_changes_no_output(name: str) -> None:
    folded = _folded(name)
    assert not _names(folded) & _SHAPE_ARITHMETIC
    np.testing.assert_array_equal(_outputs(write_model(folded)), _outputs(zoo_model(name)))


@pytest.mark.parametrize("name", ["conv_2d", "embedding_of_steps"])
def test_zoo_has_shape_arithmetic(name: str) -> None:
    """Otherwise the test above would fold nothing."""
    assert _names(read_model(zoo_model(name))) & _SHAPE_ARITHMETIC


def test_what_litert_does_not_load_is_an_error() -> None:
    """It runs the model to find shapes that are computed."""
    model = read_model(zoo_model("decoder"))
    (*_, last) = [op for op in model.graph.operators if op.name == "TRANSPOSE_CONV"]
    last.version = 99
    with pytest.raises(ConverterError, match="LiteRT cannot run it to find them: .*TRANSPOSE_CONV"):
        fold_constants(model.graph)


@pytest.mark.parametrize("name", ["dilated", "conv_1d"])
def test_dilated_convolutions(name: str) -> None:
    assert "SPACE_TO_BATCH_ND" in _names(read_model(zoo_model(name)))
    folded = _folded(name)
    assert not _names(folded) & {"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}
    rates = [
        (op.options.dilationHFactor, op.options.dilationWFactor)
        for op in folded.graph.operators
        if op.name.endswith("CONV_2D")
    ]
    assert any(rate != (1, 1) for rate in rates)
