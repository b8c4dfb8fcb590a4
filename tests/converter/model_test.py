"""Reading and writing flatbuffers."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from converter import convert
from converter.errors import ConverterError
from converter.model import Quantization, Tensor, read_model, write_model
from tests.zoo.int8 import zoo_model
from tests.zoo.recurrent import svdf_classifier


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


def _svdf_with(inputs: dict[int, Tensor | None]) -> bytes:
    """A model with a SVDF, some of whose inputs are others."""
    model = read_model(svdf_classifier(features=6, units=4, memory=3, classes=2))
    (svdf,) = [op for op in model.graph.operators if op.name == "SVDF"]
    for place, tensor in inputs.items():
        svdf.inputs[place] = tensor
    return write_model(model)


def test_the_bias_of_a_svdf_may_be_missing_and_its_state_may_not() -> None:
    graph = convert(_svdf_with({3: None}), update="last:1").training.model.graph
    (svdf,) = [op for op in graph.operators if op.name == "SVDF"]
    assert len(svdf.inputs) == 5 and svdf.inputs[3] is None
    with pytest.raises(ConverterError, match="SVDF lacks its state"):
        read_model(_svdf_with({4: None}))


def test_a_zero_point_of_a_type_that_numpy_lacks() -> None:
    model = read_model(zoo_model("dense"))
    tensor = model.graph.operators[-1].output
    tensor.dtype, tensor.tensor_type = np.dtype(np.uint8), schema.TensorType.INT4
    tensor.quantization = Quantization.per_tensor(0.1, -8)
    again = read_model(write_model(model)).graph.operators[-1].output
    assert (again.tensor_type, again.zero_point) == (schema.TensorType.INT4, -8)


def test_a_memory_plan_is_kept_for_who_asks_for_it() -> None:
    model = read_model(zoo_model("dense"))
    tensors = model.graph.tensors()
    offsets = [16 * i for i in range(len(tensors))]
    plan = np.array([1, 0, len(tensors), *offsets], np.int32)
    model.metadata["OfflineMemoryAllocation"] = plan.tobytes()
    written = write_model(model)
    assert "OfflineMemoryAllocation" not in read_model(written).metadata
    kept = read_model(written, keep_plan=True)
    assert kept.metadata["OfflineMemoryAllocation"] == plan.tobytes()
    # The same model with its tensors numbered the other way round.
    packed = schema.ModelT.InitFromPackedBuf(written, 0)
    graph, last = packed.subgraphs[0], len(tensors) - 1
    graph.tensors.reverse()
    for holder in (graph, *graph.operators):
        for name in ("inputs", "outputs"):
            setattr(holder, name, [last - i for i in getattr(holder, name)])
    packed.signatureDefs = None
    renumbered = read_model(_packed(packed), keep_plan=True)
    found = np.frombuffer(renumbered.metadata["OfflineMemoryAllocation"], np.int32)
    assert [t.name for t in renumbered.graph.tensors()] == [t.name for t in tensors]
    np.testing.assert_array_equal(found, [1, 0, len(tensors), *reversed(offsets)])


def test_a_memory_plan_of_another_model_is_damage() -> None:
    model = read_model(zoo_model("dense"))
    model.metadata["OfflineMemoryAllocation"] = np.array([1, 0, 2, 0, 0], np.int32).tobytes()
    written = write_model(model)
    assert read_model(written).graph.operators
    with pytest.raises(ConverterError, match="a memory plan of 5 numbers for"):
        read_model(written, "net", keep_plan=True)
