"""Whatever a model says of an operator: an error from Prepare, never a crash."""

from __future__ import annotations

import dataclasses
import itertools
import struct
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from tests.op_cases.table import PARITY_CASES
from tests.parity.case import Case
from tests.parity.cases import gradient_plumbing, training_conv
from tests.parity.one_op_model import build
from tflm_training._library import runtime

_ARENA_BYTES = 1 << 20
_WORDS = (-(2**31), -32768, -1, 0, 1, 3, 32767, 32768, 65536, 2**30, 2**31 - 1)
# Cases that are varied, the smallest of the first ones.
_VARIED = 6

_MANTISSA_TYPES = (np.int8, np.int16)

CasesOf = Callable[[np.random.Generator], Iterator[Case]]
for_each_operator = pytest.mark.parametrize(
    "cases", [cases for _, cases in PARITY_CASES], ids=[op.CUSTOM_CODE for op, _ in PARITY_CASES]
)


def small_cases(cases: CasesOf) -> list[Case]:
    first = itertools.islice(cases(np.random.default_rng(7)), 40)
    return sorted(first, key=lambda c: sum(a.size for a in c.inputs if a is not None))[:_VARIED]


def load(case: Case, options: bytes | None = None) -> None:
    """Loads the case's model, sets its inputs and invokes it."""
    data = case.options.pack() if options is None else options
    model = build(case.options.CUSTOM_CODE, data, case.inputs, case.outputs, case.constant)
    interpreter = runtime().Interpreter(model, _ARENA_BYTES)
    arrays = (a for i, a in enumerate(case.inputs) if a is not None and i not in case.constant)
    for position, array in enumerate(arrays):
        interpreter.set_input(position, array)
    interpreter.invoke()


def assert_refused(case: Case, options: bytes | None = None) -> None:
    with pytest.raises(RuntimeError, match=case.options.CUSTOM_CODE):
        load(case, options)


def is_gradient_scale(array: np.ndarray | None) -> bool:
    return array is not None and array.dtype == np.float32 and array.shape == (2,)


def replaced(items: Sequence, index: int, item: object) -> tuple:
    return (*items[:index], item, *items[index + 1 :])


@for_each_operator
def test_options_of_another_length_or_version_are_refused(cases: CasesOf) -> None:
    case = small_cases(cases)[0]
    options = case.options.pack()
    load(case)
    assert_refused(case, options[:-4])
    assert_refused(case, options + bytes(4))
    assert_refused(case, struct.pack("<i", case.options.VERSION + 1) + options[4:])


@for_each_operator
def test_no_word_of_the_options_crashes(cases: CasesOf) -> None:
    for case in small_cases(cases):
        options = case.options.pack()
        for offset, word in itertools.product(range(4, len(options), 4), _WORDS):
            hostile = options[:offset] + struct.pack("<i", word) + options[offset + 4 :]
            try:
                load(case, hostile)
            except RuntimeError as error:
                assert case.options.CUSTOM_CODE in str(error)


@for_each_operator
def test_inputs_of_another_number_type_or_size_are_refused(cases: CasesOf) -> None:
    for case in small_cases(cases):
        variable = dataclasses.replace(case, constant=())
        assert_refused(dataclasses.replace(case, inputs=(*case.inputs, np.zeros(1, np.int8))))
        for i, array in enumerate(case.inputs):
            if array is None:
                continue
            other = np.float32 if array.dtype != np.float32 else np.int32
            bigger = np.zeros(array.size + 1009, array.dtype)
            for wrong in (np.zeros(array.shape, other), bigger):
                assert_refused(
                    dataclasses.replace(variable, inputs=replaced(case.inputs, i, wrong))
                )


@for_each_operator
def test_outputs_of_another_number_type_or_size_are_refused(cases: CasesOf) -> None:
    for case in small_cases(cases):
        assert_refused(dataclasses.replace(case, outputs=(*case.outputs, ((1,), np.float32))))
        for i, (shape, dtype) in enumerate(case.outputs):
            other = np.float32 if dtype != np.float32 else np.int32
            for wrong in ((shape, other), ((*shape, 3), dtype)):
                assert_refused(dataclasses.replace(case, outputs=replaced(case.outputs, i, wrong)))


@for_each_operator
def test_gradients_of_two_types_are_refused(cases: CasesOf) -> None:
    for case in small_cases(cases):
        # A loss takes the type of its only gradient.
        if not any(is_gradient_scale(array) for array in case.inputs):
            continue
        for i, (shape, dtype) in enumerate(case.outputs):
            if dtype in _MANTISSA_TYPES:
                other = next(t for t in _MANTISSA_TYPES if t != dtype)
                assert_refused(
                    dataclasses.replace(case, outputs=replaced(case.outputs, i, (shape, other)))
                )


@for_each_operator
def test_more_bits_than_the_mantissas_have_are_refused(cases: CasesOf) -> None:
    for case in small_cases(cases):
        if not hasattr(case.options, "gradient_bits"):
            continue
        dtype = next(dtype for _, dtype in case.outputs if dtype in _MANTISSA_TYPES)
        bits = 8 * np.dtype(dtype).itemsize
        options = dataclasses.replace(case.options, gradient_bits=bits)  # type: ignore[call-arg]
        assert_refused(dataclasses.replace(case, options=options))


@for_each_operator
def test_bit_masks_of_another_size_are_refused(cases: CasesOf) -> None:
    for case in itertools.islice(cases(np.random.default_rng(7)), 20):
        for i, array in enumerate(case.inputs):
            if array is not None and array.dtype == np.uint8:
                for wrong in (array[:-1], np.append(array, np.uint8(0))):
                    if wrong.size:
                        assert_refused(
                            dataclasses.replace(case, inputs=replaced(case.inputs, i, wrong))
                        )


@for_each_operator
def test_a_split_needs_both_parts(cases: CasesOf) -> None:
    for case in small_cases(cases):
        if not hasattr(case.options, "split"):
            continue
        frozen = np.zeros((1, 1, 1, 1), np.int8) if case.inputs[5] is None else None
        constant = tuple(i for i in case.constant if i != 5)
        assert_refused(
            dataclasses.replace(case, inputs=replaced(case.inputs, 5, frozen), constant=constant)
        )


@pytest.mark.parametrize("cases", [training_conv.conv_cases, training_conv.depthwise_cases])
@pytest.mark.parametrize(("index", "entry"), [(3, -1), (3, -(2**31)), (4, -32), (4, 31), (4, 127)])
def test_entries_of_the_tables_are_checked(cases: CasesOf, index: int, entry: int) -> None:
    for case in small_cases(cases):
        table = case.inputs[index]
        assert table is not None
        wrong = table.copy()
        wrong[-1] = entry
        assert_refused(dataclasses.replace(case, inputs=replaced(case.inputs, index, wrong)))


@for_each_operator
def test_constants_are_not_written(cases: CasesOf) -> None:
    case = small_cases(cases)[0]
    for i in case.written:
        assert_refused(dataclasses.replace(case, constant=(*case.constant, i)))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_variables_of_other_types_are_refused(dtype: type) -> None:
    case = small_cases(gradient_plumbing.initialize_cases)[0]
    initial, variable = np.zeros(4, dtype), np.zeros(7, dtype)
    assert_refused(dataclasses.replace(case, inputs=(initial, variable), constant=(0,)))
    assert_refused(dataclasses.replace(case, inputs=(variable, variable), constant=(0,)))
