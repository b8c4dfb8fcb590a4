"""Frames: what is found in a stream of bytes, by the program on this computer."""

from __future__ import annotations

import random

import pytest

from tflm_training.device_frame import (
    MAX_PAYLOAD_BYTES,
    PROTOCOL_VERSION,
    Frame,
    FrameParser,
    Type,
    encode,
)


def _frames(parser: FrameParser) -> list[Frame]:
    frames = []
    while (frame := parser.next_frame()) is not None:
        frames.append(frame)
    return frames


def test_layout() -> None:
    # Magic, version 2, type, sequence, length, payload, CRC-32 of all of it.
    assert encode(Type.STEP, 0x1234, b"ab").hex(" ") == "54 4d 02 03 34 12 02 00 61 62 b4 a4 fd ff"


def test_a_payload_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="1025 bytes"):
        encode(Type.STEP, 1, bytes(MAX_PAYLOAD_BYTES + 1))


def test_byte_by_byte() -> None:
    parser = FrameParser()
    data = encode(1, 2, b"TMTM")
    for i, byte in enumerate(data):
        assert parser.next_frame() is None
        assert 1 <= parser.missing() <= len(data) - i
        parser.feed(bytes([byte]))
    assert parser.next_frame() == Frame(PROTOCOL_VERSION, 1, 2, b"TMTM")
    assert parser.next_frame() is None and parser.bad_frames == 0


def test_garbage_around_frames_is_skipped() -> None:
    parser = FrameParser()
    parser.feed(b"\x00T\xff" + encode(1, 2, b"x") + b"boot: TT" + encode(3, 4, b"") + b"T")
    assert _frames(parser) == [
        Frame(PROTOCOL_VERSION, 1, 2, b"x"),
        Frame(PROTOCOL_VERSION, 3, 4, b""),
    ]


def test_a_wrong_length_does_not_hide_the_next_frame() -> None:
    damaged = bytearray(encode(1, 2, b"x"))
    damaged[6:8] = b"\xff\xff"
    parser = FrameParser()
    parser.feed(bytes(damaged) + encode(3, 4, b"good"))
    assert _frames(parser) == [Frame(PROTOCOL_VERSION, 3, 4, b"good")]
    assert parser.bad_frames == 1


@pytest.mark.parametrize("position", range(16))
def test_every_flipped_bit_is_noticed(position: int) -> None:
    good = encode(5, 6, b"wxyz")
    for bit in range(8):
        damaged = bytearray(good)
        damaged[position] ^= 1 << bit
        parser = FrameParser()
        parser.feed(bytes(damaged))
        assert _frames(parser) == []


def test_frames_in_noise() -> None:
    generator = random.Random(3)
    parser = FrameParser()
    expected, found = [], []
    for sequence in range(200):
        payload = generator.randbytes(generator.randrange(40))
        parser.feed(generator.randbytes(generator.randrange(8)).replace(b"T", b"t"))
        parser.feed(encode(7, sequence, payload))
        expected.append(Frame(PROTOCOL_VERSION, 7, sequence, payload))
        found += _frames(parser)
    assert found == expected
