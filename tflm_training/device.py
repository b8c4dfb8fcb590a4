"""A device that runs examples/stm32f746, over its serial port."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tflm_training.device_frame import (
    MAX_PAYLOAD_BYTES,
    PROTOCOL_VERSION,
    REPLY,
    ErrorCode,
    Frame,
    FrameParser,
    Type,
    encode,
)
from tflm_training.device_info import DeviceInfo, parse_info

if TYPE_CHECKING:
    import serial

DEFAULT_BAUD_RATE = 115200
_ATTEMPTS = 5
_INFO_SECONDS = 1.0
# A step of a large model may take seconds; so may the restoring of its checkpoint.
_REPLY_SECONDS = 10.0
_RESTORE_SECONDS = 30.0
# Bytes that are no frame yet are given up when nothing has followed them for so long.
_GAP_SECONDS = 0.25
_STEP_REPLY = struct.Struct("<fI")
_OFFSET = struct.Struct("<I")

BytesHook = Callable[[int, int], None]


class DeviceError(RuntimeError):
    """No device, no answer, or one that says no. The message is one line."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code  # of the device's ERROR, or None


class DeviceStep(NamedTuple):
    """What came of a step. output: as quantised. ticks: of the device's counter, from before the
    sample is copied to the model's input until the loss is there."""

    loss: float
    output: np.ndarray
    ticks: int


class Device:
    """A connection to a device.

    Every request is repeated until its answer arrives, at most a few times; the device carries
    a repeated one out only once. All methods raise DeviceError.
    """

    def __init__(self, port: str, baud_rate: int = DEFAULT_BAUD_RATE) -> None:
        """port: a device such as /dev/ttyACM0, or any URL of pyserial: socket://HOST:PORT."""
        import serial

        self._name = port
        self._parser = FrameParser()
        self._sequence = int(time.monotonic() * 1000) % 65536
        self._pieces_sent = 0  # of a checkpoint, since the request was last sent
        self.retries = 0  # requests that were sent again so far
        try:
            self._port: serial.SerialBase = serial.serial_for_url(
                port, baudrate=baud_rate, timeout=0.05
            )
        except (OSError, ValueError) as error:
            raise DeviceError(f"{port}: cannot be opened ({_reason(error)})") from error
        try:
            self._info = self._read_info()
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> DeviceInfo:
        """As of when the connection was opened."""
        return self._info

    def close(self) -> None:
        """Leave the device to others. Nothing else may be called afterwards."""
        self._port.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> DeviceInfo:
        """The device's present state, which `info` then holds too."""
        self._info = self._read_info()
        return self._info

    def step(self, sample: bytes, label: int, learning_rate: float) -> DeviceStep:
        """One training step.

        sample: sample_bytes bytes, with the target_bytes of the target behind them if there
        is one; `label` is then ignored. Label -1 is inference. learning_rate 0 changes no weight.
        """
        expected = self._info.sample_bytes + self._info.target_bytes
        if len(sample) != expected:
            raise DeviceError(
                f"a sample of {len(sample)} bytes; the device's model takes {expected}"
            )
        head = struct.pack("<if", label, learning_rate)
        offset = 0
        while len(sample) - offset > MAX_PAYLOAD_BYTES - len(head) - 4:
            piece = sample[offset : offset + MAX_PAYLOAD_BYTES - 4]
            self._request(Type.WRITE_SAMPLE, _OFFSET.pack(offset) + piece)
            offset += len(piece)
        reply = self._request(Type.STEP, head + _OFFSET.pack(offset) + sample[offset:])
        if len(reply) < _STEP_REPLY.size:
            raise self._nonsense(Type.STEP)
        loss, ticks = _STEP_REPLY.unpack_from(reply)
        tensor = self._info.output
        output = reply[_STEP_REPLY.size :]
        output = self._read_rest(Type.READ_OUTPUT, output, tensor.bytes)
        values = np.frombuffer(output, tensor.dtype).reshape(tensor.shape)
        return DeviceStep(loss, values, ticks)

    def reset(self) -> None:
        """Back to the weights that the firmware carries."""
        self._request(Type.RESET, b"")

    def read_checkpoint(self, progress: BytesHook | None = None) -> bytes:
        """The trained weights, docs/checkpoint_format.md. progress is told bytes done and all."""
        return self._read_rest(Type.READ_CHECKPOINT, b"", self._info.checkpoint_bytes, progress)

    def restore(self, checkpoint: bytes) -> None:
        """Set the weights to those of a checkpoint, which the device checks first."""
        self._request(Type.RESTORE, _OFFSET.pack(len(checkpoint)), checkpoint)

    def _read_info(self) -> DeviceInfo:
        payload = self._request(Type.INFO, b"", seconds=_INFO_SECONDS)
        try:
            return parse_info(payload)
        except (struct.error, KeyError, ValueError) as error:
            raise DeviceError(f"{self._name}: an INFO that makes no sense ({error})") from error

    def _read_rest(
        self, request: Type, content: bytes, total: int, progress: BytesHook | None = None
    ) -> bytes:
        """`content` and what follows it, `total` bytes in all, in as many requests as it takes."""
        while len(content) < total:
            piece = self._request(request, _OFFSET.pack(len(content)))
            if not piece:
                raise self._nonsense(request)
            content += piece
            if progress is not None:
                progress(len(content), total)
        if len(content) > total:
            raise self._nonsense(request)
        return content

    def _nonsense(self, request: Type) -> DeviceError:
        return DeviceError(f"{self._name}: an answer to {request.name} that makes no sense")

    def _request(
        self, request: Type, payload: bytes, checkpoint: bytes = b"", seconds: float | None = None
    ) -> bytes:
        """The payload of the reply."""
        if seconds is None:
            seconds = _RESTORE_SECONDS if request == Type.RESTORE else _REPLY_SECONDS
        self._sequence = (self._sequence + 1) % 65536 or 1  # 0 is of errors without a request
        frame = encode(request, self._sequence, payload)
        attempts = 0
        while attempts < _ATTEMPTS:
            self._pieces_sent = 0
            self._write(frame)
            reply = self._wait(request, checkpoint, seconds)
            if reply is not None:
                return reply.payload
            self.retries += 1
            attempts = 0 if self._pieces_sent else attempts + 1
        raise DeviceError(f"{self._name}: no device answers (is it the right port and baud rate?)")

    def _wait(self, request: Type, checkpoint: bytes, seconds: float) -> Frame | None:
        """The reply to the present request; None to send the request again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = self._read_frame(deadline)
            if frame is None:
                return None
            if frame.version != PROTOCOL_VERSION:
                raise DeviceError(
                    f"{self._name}: the device speaks version {frame.version} of the protocol, "
                    f"this program version {PROTOCOL_VERSION}"
                )
            if frame.type == Type.ERROR and frame.payload[:1] == bytes([ErrorCode.BAD_FRAME]):
                if self._pieces_sent:
                    continue  # the device asks for the piece again
                return None
            if frame.sequence != self._sequence:
                continue  # the answer to an earlier attempt at something else
            if frame.type == Type.ERROR:
                if not frame.payload:
                    raise self._nonsense(request)
                text = frame.payload[1:].decode("ascii", "replace")
                raise DeviceError(f"{self._name}: {text}", frame.payload[0])
            if frame.type == request | REPLY:
                return frame
            if frame.type == Type.CHECKPOINT_PIECE | REPLY and request == Type.RESTORE:
                self._send_piece(frame, checkpoint)
                deadline = time.monotonic() + seconds
        return None

    def _send_piece(self, wanted: Frame, checkpoint: bytes) -> None:
        if len(wanted.payload) != _OFFSET.size:
            raise self._nonsense(Type.RESTORE)
        (offset,) = _OFFSET.unpack(wanted.payload)
        piece = checkpoint[offset : offset + MAX_PAYLOAD_BYTES - 4]
        self._write(encode(Type.CHECKPOINT_PIECE, wanted.sequence, wanted.payload + piece))
        self._pieces_sent += 1

    def _read_frame(self, deadline: float) -> Frame | None:
        """The next frame; None if none came in time or a damaged one did."""
        bad_frames = self._parser.bad_frames
        last_byte = time.monotonic()
        heard = self._parser.is_partial
        while True:
            frame = self._parser.next_frame()
            if frame is not None:
                return frame
            now = time.monotonic()
            given_up = heard and now - last_byte > _GAP_SECONDS
            if given_up or now >= deadline or self._parser.bad_frames > bad_frames:
                self._parser.clear()
                return None
            try:
                received = self._port.read(self._parser.missing())
            except OSError as error:
                raise DeviceError(f"{self._name}: {_reason(error)}") from error
            if received:
                self._parser.feed(received)
                last_byte = time.monotonic()
                heard = True

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise DeviceError(f"{self._name}: {_reason(error)}") from error


def _reason(error: Any) -> str:
    """The operating system's words, without pyserial's around them."""
    return str(getattr(error, "strerror", None) or error)
