"""The parity cases as operators for the emulator."""

from __future__ import annotations

import numpy as np

from tests.parity.case import Case
from tools.cortex_m.recording import RecordedOperator, RecordedTensor, unspecified


def recorded(case: Case) -> RecordedOperator:
    """The case with what its twin says."""
    results = case.expected()
    outputs, written = results[: len(case.outputs)], results[len(case.outputs) :]
    after = dict(zip(case.written, written, strict=True))
    tensors: list[RecordedTensor] = []
    inputs = []
    for i, array in enumerate(case.inputs):
        inputs.append(-1 if array is None else len(tensors))
        if array is not None:
            tensors.append(
                RecordedTensor(
                    after=after.get(i, array).reshape(array.shape),
                    before=np.ascontiguousarray(array),
                    is_constant=i in case.constant,
                )
            )
    first_output = len(tensors)
    tensors += [
        RecordedTensor(after=output.reshape(shape), is_unspecified=is_unspecified)
        for output, (shape, _), is_unspecified in zip(
            outputs, case.outputs, unspecified(outputs), strict=True
        )
    ]
    return RecordedOperator(
        custom_code=case.options.CUSTOM_CODE,
        options=case.options.pack(),
        tensors=tensors,
        inputs=inputs,
        outputs=range(first_output, len(tensors)),
    )
