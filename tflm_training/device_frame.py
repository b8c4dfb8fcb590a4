"""Frames of the device protocol: encoding them, and finding them in a stream of bytes.

docs/device_protocol.md describes every byte. All numbers are little endian.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
import zlib

PROTOCOL_VERSION = 2
MAGIC = b"TM"
MAX_PAYLOAD_BYTES = 1024
REPLY = 0x80

_HEADER = struct.Struct("<2sBBHH")
_CRC = struct.Struct("<I")


class Type(enum.IntEnum):
    """The requests, and ERROR, which takes the place of a reply."""

    INFO = 1
    WRITE_SAMPLE = 2
    STEP = 3
    READ_OUTPUT = 4
    RESET = 5
    READ_CHECKPOINT = 6
    RESTORE = 7
    CHECKPOINT_PIECE = 8
    ERROR = 0xFF


class ErrorCode(enum.IntEnum):
    """The first byte of an ERROR; the rest is its text."""

    BAD_FRAME = 1
    WRONG_VERSION = 2
    UNKNOWN_TYPE = 3
    BAD_LENGTH = 4
    BAD_ARGUMENT = 5
    NOT_READY = 6
    TRAINING_FAILED = 7
    CHECKPOINT_FAILED = 8


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame: protocol version, type (a Type, with REPLY set in replies), sequence number in
    [0, 65535] and payload, at most MAX_PAYLOAD_BYTES."""

    version: int
    type: int
    sequence: int
    payload: bytes


def encode(frame_type: int, sequence: int, payload: bytes) -> bytes:
    """A frame as it goes over the line. Raises ValueError if the payload is too long."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
    header = _HEADER.pack(MAGIC, PROTOCOL_VERSION, frame_type, sequence, len(payload))
    return header + payload + _CRC.pack(zlib.crc32(header + payload))


class FrameParser:
    """Finds frames in the bytes that are fed to it.

    What does not begin a frame is skipped. After a frame with a wrong CRC the search goes on
    from the byte after its first, so that no good frame behind it is lost.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.bad_frames = 0  # frames with a wrong CRC or length so far

    def feed(self, data: bytes) -> None:
        """Append received bytes."""
        self._bytes += data

    def missing(self) -> int:
        """At least so many bytes are to come before next_frame() can return another frame."""
        if len(self._bytes) < _HEADER.size:
            return _HEADER.size - len(self._bytes)
        return max(1, self._frame_bytes() - len(self._bytes))

    def next_frame(self) -> Frame | None:
        """The next complete frame; None if more bytes are needed."""
        while self._bytes:
            if not self._bytes.startswith(MAGIC[: len(self._bytes)]):
                start = self._bytes.find(MAGIC[:1], 1)
                del self._bytes[: start if start > 0 else len(self._bytes)]
                continue
            if len(self._bytes) < _HEADER.size:
                return None
            total = self._frame_bytes()
            if total <= _HEADER.size + MAX_PAYLOAD_BYTES + _CRC.size:
                if len(self._bytes) < total:
                    return None
                body = bytes(self._bytes[: total - _CRC.size])
                (crc,) = _CRC.unpack_from(self._bytes, len(body))
                if crc == zlib.crc32(body):
                    del self._bytes[:total]
                    _, version, frame_type, sequence, _ = _HEADER.unpack_from(body)
                    return Frame(version, frame_type, sequence, body[_HEADER.size :])
            self.bad_frames += 1
            del self._bytes[:1]
        return None

    @property
    def is_partial(self) -> bool:
        """Whether there are bytes that may belong to a frame."""
        return bool(self._bytes)

    def clear(self) -> None:
        """Give up a partial frame: no more bytes of it will come."""
        self._bytes.clear()

    def _frame_bytes(self) -> int:
        payload_bytes = int(_HEADER.unpack_from(self._bytes)[4])
        return _HEADER.size + payload_bytes + _CRC.size
