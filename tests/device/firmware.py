"""The example's firmware as a Linux program, and a line to it that can be disturbed."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import socket
import struct
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from examples.stm32f746.firmware import make
from tflm_training.device_frame import Frame, FrameParser

ROOT = Path(__file__).resolve().parents[2]


def build_host(folder: Path, *arguments: str) -> Path:
    """Build the program and put a copy into `folder`."""
    done = make("BOARD=host", *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    return Path(shutil.copy(ROOT / "build" / "stm32f746" / "host" / "firmware.elf", folder))


@contextlib.contextmanager
def running(program: Path) -> Iterator[str]:
    """Start the program; its port, as the device command takes it."""
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def connect(url: str) -> socket.socket:
    """A plain connection to a socket:// URL."""
    host, port = url.removeprefix("socket://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Line:
    """Bytes to a device and frames from it, as they are."""

    def __init__(self, url: str) -> None:
        self._socket = connect(url)
        self._parser = FrameParser()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, seconds: float = 5.0) -> Frame | None:
        """The next frame, None if none comes in time."""
        self._socket.settimeout(seconds)
        while (frame := self._parser.next_frame()) is None:
            try:
                self._parser.feed(self._socket.recv(4096))
            except TimeoutError:
                return None
        return frame


# Gets a piece of the stream and returns what arrives of it.
Disturbance = Callable[[bytes], bytes]


class DisturbedLine:
    """Between a host and a device: passes bytes on, each way through a disturbance."""

    def __init__(self, url: str, to_device: Disturbance, to_host: Disturbance) -> None:
        self._device_url = url
        self._ways = (to_device, to_host)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        host, _ = self._listener.accept()
        with host, connect(self._device_url) as device:
            host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._pass_on, args=(device, host, self._ways[1]))
            back.start()
            self._pass_on(host, device, self._ways[0])
            back.join()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, disturb: Disturbance) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                target.sendall(disturb(data))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(timeout=10)


class SerialPort:
    """A pseudo terminal that leads to a device: what a USB cable's end is to pyserial."""

    def __init__(self, url: str) -> None:
        self._device = connect(url)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        for way in (self._to_device, self._to_host):
            threading.Thread(target=way, daemon=True).start()

    def _to_device(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 4096):
                self._device.sendall(data)

    def _to_host(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._device.recv(4096):
                os.write(self._master, data)

    def close(self) -> None:
        self._device.close()
        os.close(self._slave)
        os.close(self._master)


def step_payload(sample: bytes, label: int, learning_rate: float) -> bytes:
    """The payload of a STEP that carries its whole sample."""
    return struct.pack("<ifI", label, learning_rate, 0) + sample
