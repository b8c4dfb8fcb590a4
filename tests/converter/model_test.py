"""Reading and writing flatbuffers."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from converter.errors import ConverterError
from converter.model import read_model, write_model
from tests.zoo.int8 import zoo_model


def _packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_rewriting_is_stable() -> None:
    once = write_model(read_model(zoo_model("residual")))
    assert write_model(read_model(once)) == once


def test_content_survives() -> None:
    original = zoo_model("residual")
    before, after = read_model(original), read_model(write_model(read_model(original)))
    assert after.metadata == before.metadata
    assert "min_runtime_version" in after.metadata
    assert [s.key for s in after.signatures] == ["serving_default"]
    assert list(after.signatures[0].inputs) == list(before.signatures[0].inputs)
    assert [t.name for t in after.graph.tensors()] == [t.name for t in before.graph.tensors()]
    for a, b in zip(before.graph.tensors(), after.graph.tensors(), strict=True):
        assert (a.shape, a.dtype, a.is_variable) == (b.shape, b.dtype, b.is_variable)
        np.testing.assert_array_equal(a.data, b.data)
        if a.quantization is not None:
            assert b.quantization is not None
            np.testing.assert_array_equal(a.quantization.scale, b.quantization.scale)
            np.testing.assert_array_equal(a.quantization.zero_point, b.quantization.zero_point)


def test_buffers_are_aligned() -> None:
    data = write_model(read_model(zoo_model("conv_2d")))
    model = schema.Model.GetRootAsModel(data, 0)
    checked = 0
    for i in range(model.BuffersLength()):
        table = model.Buffers(i)._tab
        field = table.Offset(4)
        if field and table.VectorLen(field):
            assert table.Vector(field) % 16 == 0
            checked += 1
    assert checked > 5


@pytest.mark.parametrize("keep", [0, 3, 8, 50, 700])
def test_truncated_file_is_refused(keep: int) -> None:
    with pytest.raises(ConverterError, match="flatbuffer"):
        read_model(zoo_model("dense")[:keep], "m.tflite")


def test_buffer_of_wrong_size_is_refused() -> None:
    model = schema.ModelT.InitFromPackedBuf(zoo_model("dense"), 0)
    constant = next(
        t
        for t in model.subgraphs[0].tensors
        if t.type == schema.TensorType.INT8 and model.buffers[t.buffer].data is not None
    )
    constant.shape = constant.shape * 3
    with pytest.raises(ConverterError, match=f"{constant.name.decode()}.*the file is damaged"):
        read_model(_packed(model), "m.tflite")


def test_several_subgraphs_are_refused() -> None:
    model = schema.ModelT.InitFromPackedBuf(zoo_model("dense"), 0)
    model.subgraphs = model.subgraphs * 2
    with pytest.raises(ConverterError, match="m.tflite: 2 subgraphs"):
        read_model(_packed(model), "m.tflite")
