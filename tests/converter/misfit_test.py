"""Shapes that a file states and that do not follow from each other."""

from __future__ import annotations

import numpy as np
import pytest

from converter import convert
from converter.errors import ConverterError
from tests.op_cases.net import Net


def test_inputs_that_do_not_broadcast_to_a_single_value() -> None:
    net = Net((1, 4))
    both = [net.dense(net.input, 4), net.new_input((1, 3))]
    value = net.add("ADD", [*both], net.tensor(()), "AddOptions")
    with pytest.raises(ConverterError, match=r"does not follow from inputs \(1, 4\), \(1, 3\)"):
        convert(net.classifier(net.reshape(value, (1, 1))), update="all")


def test_paddings_that_no_int64_can_add_up() -> None:
    net = Net((1, 4, 4, 3))
    half = 2**63 - 1
    paddings = net.constant([[0, 0], [half, half], [0, 0], [0, 0]], np.int64)
    # Wrapped around, they would take two rows away.
    padded = net.add(
        "PAD", [net.conv(net.input, 3), paddings], net.tensor((1, 2, 4, 3)), "PadOptions"
    )
    with pytest.raises(ConverterError, match="does not follow from input .* and its paddings"):
        convert(net.classifier(padded), update="all")
