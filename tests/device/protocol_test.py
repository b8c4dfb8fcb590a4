"""The firmware's side of the protocol: what it answers to good, bad and repeated frames."""

from __future__ import annotations

import struct
import time
import zlib

import pytest

from tests.device.firmware import Line, step_payload
from tflm_training.device_frame import (
    MAX_PAYLOAD_BYTES,
    PROTOCOL_VERSION,
    REPLY,
    ErrorCode,
    Type,
    encode,
)

SAMPLE = bytes(range(64))


def _ask(line: Line, frame_type: int, sequence: int, payload: bytes = b"") -> bytes:
    """The payload of the reply, which must be one."""
    line.send(encode(frame_type, sequence, payload))
    frame = line.receive()
    assert frame is not None
    assert (frame.type, frame.sequence) == (frame_type | REPLY, sequence), frame
    return frame.payload


def _step(line: Line, sequence: int, payload: bytes) -> tuple[float, bytes]:
    """Loss and output of a STEP, whose own time is plausible."""
    started = time.monotonic()
    reply = _ask(line, Type.STEP, sequence, payload)
    loss, microseconds = struct.unpack_from("<fI", reply)
    assert 1 <= microseconds <= 1e6 * (time.monotonic() - started)
    return loss, reply[8:]


def _refused(line: Line, data: bytes) -> tuple[int, ErrorCode, str]:
    """Sequence, code and text of the error that answers these bytes."""
    line.send(data)
    frame = line.receive()
    assert frame is not None and frame.type == Type.ERROR, frame
    return frame.sequence, ErrorCode(frame.payload[0]), frame.payload[1:].decode()


def _checkpoint(line: Line, sequence: int) -> bytes:
    content = b""
    while True:
        piece = _ask(line, Type.READ_CHECKPOINT, sequence, struct.pack("<I", len(content)))
        content += piece
        sequence += 1
        if len(piece) < MAX_PAYLOAD_BYTES:
            return content


def test_info(line: Line) -> None:
    payload = _ask(line, Type.INFO, 1)
    numbers = struct.unpack_from("<10I", payload)
    assert numbers[0] == 256 * 1024 and numbers[6:] == (64, 0, 10, 1_000_000)
    assert len(payload) == 40 + 16 + (12 + 4 * 4) + (12 + 2 * 4)


def test_a_flipped_bit_is_reported_and_the_next_frame_understood(line: Line) -> None:
    damaged = bytearray(encode(Type.STEP, 1, step_payload(SAMPLE, 3, 0.1)))
    damaged[20] ^= 4
    assert _refused(line, bytes(damaged))[:2] == (0, ErrorCode.BAD_FRAME)
    _ask(line, Type.INFO, 2)


def test_noise_before_a_frame_is_skipped(line: Line) -> None:
    line.send(b"\x00\xffT\x80TTM")
    _ask(line, Type.INFO, 7)


def test_noise_alone_is_reported_when_the_line_falls_silent(line: Line) -> None:
    assert _refused(line, b"\x00\xff\x80")[:2] == (0, ErrorCode.BAD_FRAME)
    assert line.receive(seconds=0.3) is None


def test_a_good_frame_inside_a_damaged_one_is_found(line: Line) -> None:
    damaged = bytearray(encode(Type.STEP, 1, encode(Type.INFO, 9, b"")))
    damaged[8 + 12] ^= 1  # the outer CRC; the inner frame is whole
    line.send(bytes(damaged))
    frame = line.receive()
    assert frame is not None and (frame.type, frame.sequence) == (Type.INFO | REPLY, 9)


def test_half_a_frame_is_given_up_when_the_line_falls_silent(line: Line) -> None:
    whole = encode(Type.STEP, 1, step_payload(SAMPLE, 3, 0.1))
    started = time.monotonic()
    assert _refused(line, whole[:40])[:2] == (0, ErrorCode.BAD_FRAME)
    assert 0.05 < time.monotonic() - started < 2.0
    _ask(line, Type.INFO, 2)


def test_a_pause_inside_a_frame_is_no_end(line: Line) -> None:
    whole = encode(Type.INFO, 3, b"")
    line.send(whole[:5])
    time.sleep(0.03)
    line.send(whole[5:])
    frame = line.receive()
    assert frame is not None and frame.type == Type.INFO | REPLY


def test_an_impossible_length(line: Line) -> None:
    header = struct.pack("<2sBBHH", b"TM", PROTOCOL_VERSION, Type.INFO, 1, MAX_PAYLOAD_BYTES + 1)
    assert _refused(line, header)[:2] == (0, ErrorCode.BAD_FRAME)
    _ask(line, Type.INFO, 2)


def test_another_version(line: Line) -> None:
    body = struct.pack("<2sBBHH", b"TM", 9, Type.INFO, 5, 0)
    frame = body + struct.pack("<I", zlib.crc32(body))
    assert _refused(line, frame)[:2] == (5, ErrorCode.WRONG_VERSION)


def test_an_unknown_request(line: Line) -> None:
    assert _refused(line, encode(99, 4, b""))[:2] == (4, ErrorCode.UNKNOWN_TYPE)


@pytest.mark.parametrize(
    ("frame_type", "payload", "code"),
    [
        (Type.INFO, b"x", ErrorCode.BAD_LENGTH),
        (Type.RESET, b"x", ErrorCode.BAD_LENGTH),
        (Type.STEP, b"", ErrorCode.BAD_LENGTH),
        (Type.STEP, step_payload(SAMPLE[:-1], 3, 0.1), ErrorCode.BAD_LENGTH),
        (Type.STEP, step_payload(SAMPLE + b"x", 3, 0.1), ErrorCode.BAD_LENGTH),
        (Type.STEP, step_payload(SAMPLE, 10, 0.1), ErrorCode.BAD_ARGUMENT),
        (Type.STEP, step_payload(SAMPLE, -2, 0.1), ErrorCode.BAD_ARGUMENT),
        (Type.STEP, step_payload(SAMPLE, 3, float("nan")), ErrorCode.BAD_ARGUMENT),
        (Type.STEP, step_payload(SAMPLE, 3, -1.0), ErrorCode.BAD_ARGUMENT),
        (Type.WRITE_SAMPLE, b"abc", ErrorCode.BAD_LENGTH),
        (Type.WRITE_SAMPLE, struct.pack("<I", 8) + b"x", ErrorCode.BAD_ARGUMENT),
        (Type.WRITE_SAMPLE, struct.pack("<I", 0) + bytes(65), ErrorCode.BAD_LENGTH),
        (Type.READ_OUTPUT, struct.pack("<I", 10), ErrorCode.BAD_ARGUMENT),
        (Type.READ_CHECKPOINT, struct.pack("<I", 1 << 31), ErrorCode.BAD_ARGUMENT),
        (Type.READ_CHECKPOINT, b"", ErrorCode.BAD_LENGTH),
        (Type.RESTORE, b"", ErrorCode.BAD_LENGTH),
    ],
)
def test_a_refused_request_changes_nothing(
    line: Line, frame_type: Type, payload: bytes, code: ErrorCode
) -> None:
    before = _checkpoint(line, 1)
    sequence, found, text = _refused(line, encode(frame_type, 500, payload))
    assert (sequence, found) == (500, code) and text
    assert _checkpoint(line, 600) == before


def test_a_repeated_step_trains_once(line: Line) -> None:
    frame = encode(Type.STEP, 10, step_payload(SAMPLE, 3, 0.5))
    answers = []
    for _ in range(3):
        line.send(frame)
        answers.append(line.receive())
    assert answers[0] is not None and answers[0] == answers[1] == answers[2]
    once = _checkpoint(line, 20)
    _ask(line, Type.STEP, 30, step_payload(SAMPLE, 3, 0.5))
    assert _checkpoint(line, 40) != once
    _ask(line, Type.RESET, 50)
    _ask(line, Type.STEP, 51, step_payload(SAMPLE, 3, 0.5))
    assert _checkpoint(line, 60) == once


def test_a_sample_in_pieces_and_its_use_twice(line: Line) -> None:
    whole = _step(line, 1, step_payload(SAMPLE, 3, 0.0))
    assert _ask(line, Type.WRITE_SAMPLE, 2, struct.pack("<I", 0) + SAMPLE[:20]) == b""
    assert _ask(line, Type.WRITE_SAMPLE, 3, struct.pack("<I", 20) + SAMPLE[20:50]) == b""
    last = struct.pack("<ifI", 3, 0.0, 50) + SAMPLE[50:]
    assert _step(line, 4, last) == whole
    assert _step(line, 5, struct.pack("<ifI", 3, 0.0, 0)) == whole


def test_inference(line: Line) -> None:
    loss, output = _step(line, 1, step_payload(SAMPLE, 3, 0.0))
    inferred = _step(line, 2, step_payload(SAMPLE, -1, 0.0))
    assert inferred == (0.0, output) and loss > 0.0
    assert output == _ask(line, Type.READ_OUTPUT, 3, struct.pack("<I", 0))
    assert len(output) == 10
