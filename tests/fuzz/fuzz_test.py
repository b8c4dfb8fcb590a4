"""A few hundred fixed hostile files; `make fuzz` tries as many as one likes."""

from __future__ import annotations

import subprocess
import sys

from tests.fuzz.run import run_cases
from tests.fuzz.worker import PEAK_BYTES
from tests.stock import DIGITS

_CASES = 400


def test_hostile_files_are_refused_in_one_line_or_converted() -> None:
    summary = run_cases([DIGITS], seed=7, first=0, count=_CASES, processes=2)
    assert summary.findings == {}
    assert summary.cases == _CASES
    # Neither is everything refused, nor does everything pass.
    for kind in ("convert", "merge", "checkpoint", "inspect, merge, eval"):
        assert summary.results[kind, "output"] and summary.results[kind, "error"]
    assert 0 < summary.peak_bytes <= PEAK_BYTES


def test_a_case_is_always_the_same() -> None:
    one, other = (run_cases([DIGITS], seed=7, first=40, count=20) for _ in range(2))
    assert one.results == other.results and one.cases == 20


def test_memory_is_that_of_the_worker_alone() -> None:
    held = bytearray(b"1") * (512 << 20)
    command = "from tests.fuzz.worker import peak_bytes; print(peak_bytes())"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert (10 << 20) < int(done.stdout) < len(held)
