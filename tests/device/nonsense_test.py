"""A device that answers in whole frames which make no sense: an error, never an endless loop."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from tflm_training.device import Device, DeviceError
from tflm_training.device_frame import REPLY, Frame, FrameParser, Type, encode

_SAMPLE_BYTES, _CHECKPOINT_BYTES = 4, 100
Answer = Callable[[Frame], tuple[int, bytes]]
"""The type and the payload that a request is answered with."""


def _tensor(*shape: int, code: int = 9) -> bytes:
    head = struct.pack("<BBHfi", code, len(shape), 0, 0.5, 0)
    return head + struct.pack(f"<{len(shape)}i", *shape)


def _info(
    first: bytes = _tensor(1, 4), second: bytes = _tensor(1, 10), ticks: int = 1000000
) -> bytes:
    sizes = (1024, 512, 0, 0, _CHECKPOINT_BYTES, 0, _SAMPLE_BYTES, 0, 10, ticks)
    return struct.pack("<10I16s", *sizes, bytes(16)) + first + second


@contextlib.contextmanager
def _device(answers: dict[int, Answer], info: bytes | None = None) -> Iterator[str]:
    """The URL of a device with the protocol's own answer to INFO."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        parser = FrameParser()
        with connection:
            while received := connection.recv(4096):
                parser.feed(received)
                while (frame := parser.next_frame()) is not None:
                    reply, payload = frame.type | REPLY, _info() if info is None else info
                    if frame.type != Type.INFO:
                        reply, payload = answers[frame.type](frame)
                    connection.sendall(encode(reply, frame.sequence, payload))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _with(payload: bytes) -> Answer:
    return lambda frame: (frame.type | REPLY, payload)


@pytest.mark.parametrize("payload", [b"", bytes(_CHECKPOINT_BYTES + 1), bytes(77)])
def test_pieces_of_a_checkpoint(payload: bytes) -> None:
    answers = {Type.READ_CHECKPOINT: _with(payload)}
    with _device(answers) as url, Device(url) as device:
        with pytest.raises(DeviceError, match="an answer to READ_CHECKPOINT that makes no sense"):
            device.read_checkpoint()


@pytest.mark.parametrize(
    ("step", "more", "request_name"),
    [
        (bytes(7), b"", "STEP"),
        (bytes(8), b"", "READ_OUTPUT"),
        (bytes(8), bytes(11), "READ_OUTPUT"),
        (bytes(8 + 11), b"", "READ_OUTPUT"),
        (bytes(8 + 9), bytes(2), "READ_OUTPUT"),
    ],
)
def test_the_output_of_a_step(step: bytes, more: bytes, request_name: str) -> None:
    answers = {Type.STEP: _with(step), Type.READ_OUTPUT: _with(more)}
    with _device(answers) as url, Device(url) as device:
        with pytest.raises(DeviceError, match=f"an answer to {request_name} that makes no sense"):
            device.step(bytes(_SAMPLE_BYTES), 1, 0.1)


@pytest.mark.parametrize("payload", [b"", bytes(3), bytes(5)])
def test_requests_for_a_piece_of_a_checkpoint(payload: bytes) -> None:
    answers: dict[int, Answer] = {
        Type.RESTORE: lambda frame: (Type.CHECKPOINT_PIECE | REPLY, payload)
    }
    with _device(answers) as url, Device(url) as device:
        with pytest.raises(DeviceError, match="an answer to RESTORE that makes no sense"):
            device.restore(bytes(_CHECKPOINT_BYTES))


def test_an_error_without_a_code() -> None:
    with _device({Type.RESET: lambda frame: (Type.ERROR, b"")}) as url, Device(url) as device:
        with pytest.raises(DeviceError, match="an answer to RESET that makes no sense"):
            device.reset()


@pytest.mark.parametrize(
    "info",
    [
        b"",
        _info()[:-1],
        _info(_tensor(1, 4, code=77)),
        _info(_tensor(1, -4)),
        _info(second=_tensor(0)),
        _info(_tensor(65536, 65536, 65536, 65536)),  # 2^64 bytes: none, were it to wrap
        _info(_tensor(*[1] * 9)),
        _info(ticks=0),
    ],
)
def test_what_it_says_of_itself(info: bytes) -> None:
    with _device({}, info) as url:
        with pytest.raises(DeviceError, match="an INFO that makes no sense"):
            Device(url)
