"""The extension: TFLite Micro's interpreter as Python sees it."""

from __future__ import annotations

import numpy as np
import pytest

from converter.model.schema import schema
from tests.fuzz.mutations import pack
from tests.op_cases.net import Net
from tests.runner.tiny_models import OUTPUT_ZERO_POINT, plain_model
from tflm_training._library import runtime

# 32 / 16 * 0.25 / 0.5 is 1: the output is the input, both less their zero points.
IDENTITY = 32 * np.eye(6)


@pytest.fixture(scope="module")
def plain() -> bytes:
    return plain_model(IDENTITY, (1, 6))


def test_inference(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain)
    interpreter.set_input(0, np.array([[-3, -2, 7, 100, 127, -128]], np.int8))
    interpreter.invoke()
    assert interpreter.get_output(0).tolist() == [[5, 6, 15, 108, 127, -120]]
    assert OUTPUT_ZERO_POINT == 5
    assert 0 < interpreter.arena_used_bytes() < 4096


def test_outputs_are_copies(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain)
    interpreter.set_input(0, np.full((1, 6), 9, np.int8))
    interpreter.invoke()
    first = interpreter.get_output(0)
    interpreter.set_input(0, np.zeros((1, 6), np.int8))
    interpreter.invoke()
    assert first.tolist() == [[17] * 6]


def test_tensor_descriptions(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain)
    (tensor,) = interpreter.inputs()
    described = (tensor.index, tensor.name, tensor.shape, tensor.dtype, tensor.scale)
    assert described == (0, "input", (1, 6), np.dtype(np.int8), 0.25)
    assert (tensor.zero_point, tensor.is_variable, tensor.is_constant) == (-3, False, False)
    (output,) = interpreter.outputs()
    assert (output.name, output.scale, output.zero_point) == ("output", 0.5, 5)
    filters = [t for t in interpreter.tensors() if t.name == "filter"]
    assert np.array_equal(interpreter.tensor(filters[0].index), IDENTITY.astype(np.int8))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((1, 6), np.float32), "tensor 'input' takes int8, not float32"),
        (np.zeros((1, 6), np.uint8), "tensor 'input' takes int8, not uint8"),
        (np.zeros((1, 7), np.int8), "tensor 'input' takes 6 bytes, not 7"),
    ],
)
def test_wrong_inputs(plain: bytes, values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        runtime().Interpreter(plain).set_input(0, values)
    assert str(caught.value) == message


def test_strided_inputs_are_read_in_order(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain, preserve_all_tensors=True)
    interpreter.set_input(0, np.arange(12, dtype=np.int8)[::2])
    assert interpreter.get_input(0).tolist() == [[0, 2, 4, 6, 8, 10]]


def test_indices_out_of_range(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain)
    for call in (interpreter.get_input, interpreter.get_output):
        for index in (-1, 1):
            with pytest.raises(IndexError):
                call(index)
    for index in (-1, 99):
        with pytest.raises(IndexError):
            interpreter.tensor(index)


def test_constants_are_not_written_and_shared_memory_is_not_read(plain: bytes) -> None:
    interpreter = runtime().Interpreter(plain)
    index = {tensor.name: tensor.index for tensor in interpreter.tensors()}
    with pytest.raises(ValueError, match="'filter' is a constant"):
        interpreter.set_tensor(index["filter"], IDENTITY.astype(np.int8))
    with pytest.raises(ValueError, match="preserve_all_tensors"):
        interpreter.tensor(index["input"])
    preserving = runtime().Interpreter(plain, preserve_all_tensors=True)
    preserving.set_input(0, np.full(6, 4, np.int8))
    preserving.invoke()
    assert preserving.tensor(index["input"]).tolist() == [[4] * 6]


def test_the_error_of_tflite_micro_is_in_the_exception(
    plain: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="(?i)cannot allocate the tensors: .*allocat"):
        runtime().Interpreter(plain, 500)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3" + bytes(9), bytes(100)])
def test_what_is_no_model(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a TFLite model"):
        runtime().Interpreter(content)


def test_a_truncated_model(plain: bytes) -> None:
    for length in range(0, len(plain), 97):
        with pytest.raises(ValueError):
            runtime().Interpreter(plain[:length])


def test_metadata(plain: bytes, classifier: bytes) -> None:
    assert runtime().Interpreter(plain).metadata("tflm_training") is None
    content = runtime().Interpreter(classifier).metadata("tflm_training")
    assert content is not None and content.startswith(b'{"version": 1')


def test_reset_zeroes_variables_and_initialisation_runs_again(classifier: bytes) -> None:
    interpreter = runtime().Interpreter(classifier)
    index = {tensor.name: tensor.index for tensor in interpreter.tensors()}
    assert not interpreter.tensor(index["filter"]).any()

    def infer() -> None:
        interpreter.set_input(0, np.zeros(8, np.int8))
        interpreter.set_input(1, np.array([-1], np.int32))
        interpreter.set_input(2, np.zeros(1, np.float32))
        interpreter.invoke()

    infer()
    assert (interpreter.tensor(index["filter"]) == 1).all()
    interpreter.set_tensor(index["filter"], np.full((3, 8), 7, np.int8))
    infer()
    assert (interpreter.tensor(index["filter"]) == 7).all()
    interpreter.reset()
    assert not interpreter.tensor(index["filter"]).any()
    infer()
    assert (interpreter.tensor(index["filter"]) == 1).all()


def test_an_operator_that_tflm_lacks_is_an_error_again_and_again() -> None:
    """TFLM leaves the nodes behind it unwritten, and they lie in memory that was used before."""
    net = Net((1, 4))
    x = net.unary("RELU_N1_TO_1", net.dense(net.input, 4))
    model = net.classifier(x)
    for _ in range(20):
        runtime().Interpreter(plain_model(IDENTITY, (1, 6)), 1 << 16).invoke()
        with pytest.raises(RuntimeError, match="RELU_N1_TO_1"):
            runtime().Interpreter(model, 1 << 16)


def _as_old_file(model: bytes) -> bytes:
    """With operators named in the field for the first 127 of them alone, as in old files."""
    content = schema.ModelT.InitFromPackedBuf(model, 0)
    for code in content.operatorCodes:
        code.deprecatedBuiltinCode, code.builtinCode = code.builtinCode, 0
    return pack(content)


def test_operators_of_old_files_are_known() -> None:
    net = Net((1, 4, 4, 2))
    model = net.classifier(net.conv(net.input, 2, (3, 3), depthwise=True))
    assert runtime().Interpreter(_as_old_file(model)).inputs()
    content = schema.ModelT.InitFromPackedBuf(model, 0)
    depthwise = content.subgraphs[0].operators[0]
    depthwise.inputs = np.array([*depthwise.inputs[:2], -1], np.int32)
    for hostile in (pack(content), _as_old_file(pack(content))):
        with pytest.raises(ValueError, match="operator 0 names tensor -1"):
            runtime().Interpreter(hostile)
