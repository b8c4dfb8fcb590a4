"""The emulator's measure is exact, and its comparison can fail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from converter.ir.training_ops import GradientAdd
from kernels.gradient_add import twin
from tests.cortex_m.cores import for_each_core
from tests.cortex_m.parity_operators import recorded
from tests.parity.case import Case
from tools.cortex_m import emulator, recording
from tools.cortex_m.build import CORES, BuildError, Core, build
from tools.cortex_m.emulator import EmulatorError, Run, replay
from tools.cortex_m.recording import RecordedOperator, RecordedTensor, split

_ELEMENTS = 40
_TICK = 40  # instructions


def gradient_add(maximum: float = 1000.0) -> RecordedOperator:
    """Tensors: two gradients with their scales, then the sum with its scale."""
    rng = np.random.default_rng(3)
    gradients = rng.integers(-1000, 1001, (2, _ELEMENTS)).astype(np.int16)
    scale = np.array([0.25, maximum], np.float32)
    options = GradientAdd(elements=_ELEMENTS, gradient_bits=15, mask_min=-129, mask_max=128)
    return recorded(
        Case(
            options=options,
            inputs=(gradients[0], scale, gradients[1], scale, None),
            outputs=(((_ELEMENTS,), np.int16), ((2,), np.float32)),
            twin=twin.gradient_add,
        )
    )


def changed(operator: RecordedOperator, index: int, **changes: object) -> RecordedOperator:
    tensors = list(operator.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **changes)
    return dataclasses.replace(operator, tensors=tensors)


def one_off(tensor: RecordedTensor) -> np.ndarray:
    """The expected result with its last element wrong by the smallest step."""
    wrong = tensor.after.copy().reshape(-1)
    wrong[-1:].view(np.uint8)[0] ^= 1
    return wrong.reshape(tensor.after.shape)


def run(*operators: RecordedOperator, core: Core = CORES["cortex-m7"]) -> Run:
    return replay(build(core), core, operators)


@for_each_core
def test_loops_of_known_length_are_counted_exactly(core: Core) -> None:
    loops = run(gradient_add(), core=core).calibration
    assert [loop.expected for loop in loops] == [2_001, 20_001, 200_001, 2_000_001]
    for loop in loops:
        assert abs(loop.counted - loop.expected) <= _TICK


@for_each_core
def test_what_is_right_has_no_fault(core: Core) -> None:
    operators = run(gradient_add(), gradient_add(), core=core).operators
    assert [operator.fault for operator in operators] == [None, None]
    first, second = (operator.instructions for operator in operators)
    assert first >= 3 * _ELEMENTS and abs(first - second) <= _TICK
    assert 0 < operators[0].stack_bytes < 4096


@pytest.mark.parametrize(
    ("index", "name"),
    [(4, "output 0, int16[40], element 39"), (5, "output 1, float32[2], element 1")],
)
def test_a_wrong_recorded_output_is_reported(index: int, name: str) -> None:
    right = gradient_add()
    wrong = changed(right, index, after=one_off(right.tensors[index]))
    faults = [operator.fault for operator in run(right, wrong, right).operators]
    assert faults[0] is None and faults[2] is None
    assert faults[1] is not None and "1 bytes differ" in faults[1] and name in faults[1]


def test_a_changed_input_is_reported() -> None:
    right = gradient_add()
    wrong = changed(right, 0, after=one_off(right.tensors[0]))
    fault = run(wrong).operators[0].fault
    assert fault is not None and "input 0, int16[40], element 39" in fault


def test_a_write_beside_the_tensors_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    images = recording._images

    def other_gap(*arguments: object) -> tuple[bytes, bytes]:
        before, after = images(*arguments)
        return before, after[:-1] + bytes([after[-1] ^ 1])

    monkeypatch.setattr(recording, "_images", other_gap)
    fault = run(gradient_add()).operators[0].fault
    assert fault is not None and "memory outside all tensors" in fault


def test_an_operator_that_refuses_is_reported() -> None:
    right = gradient_add()
    wrong = dataclasses.replace(right, options=right.options[:-4])
    faults = [operator.fault for operator in run(wrong, right).operators]
    assert faults[0] is not None and "prepare fails: options of version" in faults[0]
    assert faults[1] is None


def test_mantissas_of_a_zero_gradient_may_be_anything() -> None:
    zero = gradient_add(maximum=0.0)
    assert zero.tensors[4].is_unspecified
    anything = changed(zero, 4, after=np.full(_ELEMENTS, 77, np.int16))
    specified = changed(anything, 4, is_unspecified=False)
    faults = [operator.fault for operator in run(anything, specified).operators]
    assert faults[0] is None and faults[1] is not None


def test_tensors_that_shared_memory_share_it_again() -> None:
    # The sum overwrites its first summand, whose memory thus holds the sum afterwards.
    apart = gradient_add()
    summed = apart.tensors[4].after
    together = changed(apart, 0, address=4096 + 6, after=summed)
    together = changed(together, 4, address=4096 + 6)
    assert run(together).operators[0].fault is None
    still_there = changed(together, 4, address=None)
    fault = run(still_there).operators[0].fault
    assert fault is not None and "input 0" in fault


def test_many_operators_take_several_emulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "_RECORDING_BYTES", 3000)
    right = gradient_add()
    wrong = changed(right, 4, after=one_off(right.tensors[4]))
    operators = [right] * 7 + [wrong]
    assert len(split(operators, 3000)) > 1
    faults = [operator.fault for operator in run(*operators).operators]
    assert faults[:7] == [None] * 7 and faults[7] is not None


def test_a_program_without_a_recording_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "pack", lambda operators: bytes(64))
    with pytest.raises(EmulatorError, match="no recording"):
        run(gradient_add())


def test_what_the_compiler_says_is_in_the_error() -> None:
    with pytest.raises(BuildError, match="no-such-flag"):
        build(CORES["cortex-m7"], optimisation="-O2 -fno-such-flag")
