"""A whole training step on the emulated cores equals that of the host; the benchmark."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import converter
from benchmarks.cortex_m7 import __main__ as benchmark
from benchmarks.cortex_m7 import work
from benchmarks.cortex_m7.step import StepOperator, record_step
from converter.conversion import TrainingModel
from converter.report.plan import layer_plans
from tests.cortex_m.cores import for_each_build, for_each_dsp_core
from tests.op_cases.net import Net
from tests.stock import DIGITS
from tools.cortex_m.build import Core, build
from tools.cortex_m.emulator import replay


@functools.cache
def converted() -> TrainingModel:
    return converter.convert(DIGITS.read_bytes(), 14 << 10)


@functools.cache
def step() -> list[StepOperator]:
    return record_step(converted().flatbuffer)


def test_every_custom_operator_is_recorded_in_order() -> None:
    custom = [op.name for op in converted().training.model.graph.operators if op.is_custom]
    assert [op.recorded.custom_code for op in step()] == custom


def test_the_recorded_gradients_are_real() -> None:
    for op in step():
        scales = [t.after for t in op.recorded.tensors if t.after.dtype == np.float32]
        pairs = [scale for scale in scales if scale.shape == (2,)]
        assert all(scale[0] > 0 and scale[1] > 0 for scale in pairs), op.about


def test_operators_that_share_memory_are_recorded_so() -> None:
    def overlaps(op: StepOperator) -> bool:
        spans = sorted((t.address or 0, t.after.nbytes) for t in op.recorded.tensors)
        return any(
            begin + size > other
            for (begin, size), (other, _) in zip(spans, spans[1:], strict=False)
        )

    assert any(overlaps(op) for op in step())


@for_each_build
def test_step_equals_that_of_the_host(core: Core, reference: bool) -> None:
    run = replay(build(core, reference), core, [op.recorded for op in step()])
    faults = [
        f"{op.recorded.custom_code} {op.about}: {result.fault}"
        for op, result in zip(step(), run.operators, strict=True)
        if result.fault
    ]
    assert not faults, "\n".join(faults)


def _backward_macs(operators: Sequence[StepOperator]) -> int:
    return sum(work.macs(o.options) for o in operators if work.part(o.options) == work.BACKWARD)


def test_macs_of_transpose_conv_are_those_of_the_report() -> None:
    net = Net((1, 6, 5, 3))
    x = net.transpose_conv(net.input, 4, (3, 3), (2, 2))
    x = net.transpose_conv(x, 5, (2, 2), (1, 1))
    made = converter.convert(net.classifier(net.mean(x)), update="all")
    backward = _backward_macs(record_step(made.flatbuffer))
    assert backward == sum(plan.macs_backward for plan in layer_plans(made)) > 0


def test_macs_are_those_of_the_report() -> None:
    plans = layer_plans(converted())
    assert _backward_macs(step()) == sum(plan.macs_backward for plan in plans) > 0
    own = {op.about: op for op in step() if work.part(op.options) == work.FORWARD}
    forward = [plan.layer for plan in plans if plan.layer.name in own]
    assert len(forward) == len(own) > 0
    for layer in forward:
        assert work.macs(own[layer.name].options) == layer.macs


def benchmark_status(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cortex_m7", *arguments])
    return benchmark.main()


def test_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, figures = tmp_path / "digits_train.tflite", tmp_path / "figures.json"
    model.write_bytes(converted().flatbuffer)
    assert benchmark_status(monkeypatch, str(model), "--reference", "--json", str(figures)) == 0
    printed = capsys.readouterr().out
    assert f"{len(step())} of {len(step())} operators left every byte" in printed
    result = json.loads(figures.read_text())
    assert len(result["operators"]) == len(step())
    for key in ("macs", "instructions", "plain_instructions"):
        assert sum(part[key] for part in result["parts"].values()) == sum(
            operator[key] for operator in result["operators"]
        )
    in_step = [result["parts"][part]["instructions"] for part in (work.FORWARD, work.BACKWARD)]
    assert result["step"]["instructions"] == sum(in_step) > in_step[1] > 0
    total = next(line for line in printed.splitlines() if "total of a step" in line)
    assert f"{sum(in_step):,}" in total


def test_benchmark_fails_where_an_output_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong_step(flatbuffer: bytes) -> list[StepOperator]:
        operators = list(record_step(flatbuffer))
        last = operators[-1]
        tensors = [
            dataclasses.replace(t, after=t.after + np.ones(1, t.after.dtype))
            for t in last.recorded.tensors
        ]
        recorded = dataclasses.replace(last.recorded, tensors=tensors)
        operators[-1] = dataclasses.replace(last, recorded=recorded)
        return operators

    monkeypatch.setattr(benchmark, "record_step", wrong_step)
    assert benchmark_status(monkeypatch) == 1
    printed = capsys.readouterr().out
    assert "bytes differ" in printed
    assert f"{len(step()) - 1} of {len(step())} operators left every byte" in printed


def test_benchmark_of_what_is_no_training_flatbuffer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark_status(monkeypatch, str(DIGITS)) == 1
    assert "not a training flatbuffer" in capsys.readouterr().err


@for_each_dsp_core
def test_the_dsp_extension_is_in_use(core: Core) -> None:
    """The two builds differ, and in favour of the one with the extension."""
    operators = [op.recorded for op in step() if work.is_input_gradient(op.options)]
    fast, plain = (
        sum(r.instructions for r in replay(build(core, reference), core, operators).operators)
        for reference in (False, True)
    )
    assert 0 < fast < 0.8 * plain
