"""Firmware that the tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from converter.model.reader import read_model
from converter.model.writer import write_model
from examples.digits.data import handwritten_digits
from tests.device.firmware import ROOT, Line, build_host, running
from tests.runner.tiny_models import training_model

# Longer than a frame, so that samples with targets and outputs go over the line in pieces.
NARROW, WIDE = 40, 1300


# It needs a TFLM library for Cortex-M.
collect_ignore = [] if "TFLM_DIR" in os.environ else ["emulator_test.py"]


@pytest.fixture(scope="session")
def digits() -> dict[str, np.ndarray]:
    """Handwritten digits: x_train, y_train, x_test, y_test."""
    return handwritten_digits()


@pytest.fixture(scope="session")
def digits_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as it stands, with the model of the digits demo."""
    return build_host(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def digits_model(digits_program: Path) -> Path:
    """The training flatbuffer in `digits_program`."""
    return ROOT / "build" / "stm32f746" / "digits_int8_train.tflite"


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training flatbuffer with the mean squared error: NARROW values in, WIDE out."""
    model = read_model(training_model("mse", np.full((WIDE, NARROW), 2)))
    model.metadata["tflm_training_id"] = bytes(range(16))
    path = tmp_path_factory.mktemp("wide_model") / "wide_train.tflite"
    path.write_bytes(write_model(model))
    return path


@pytest.fixture
def device_url(digits_program: Path) -> Iterator[str]:
    """The port of a device that was just switched on."""
    with running(digits_program) as url:
        yield url


@pytest.fixture
def line(device_url: str) -> Iterator[Line]:
    """A plain line to a device that was just switched on."""
    line = Line(device_url)
    yield line
    line.close()
