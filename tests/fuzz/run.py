"""Runs many cases in worker processes and counts what came of them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

# One thread each: the libraries' own would take address space and time.
_SINGLE_THREADED = {
    name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
}


@dataclasses.dataclass
class Summary:
    """results: (kind, "output" or "error") -> cases; slowest: seconds and number; findings:
    number -> what went wrong; peak_bytes: the largest worker."""

    results: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    slowest: dict[str, tuple[float, int]] = dataclasses.field(default_factory=dict)
    findings: dict[int, str] = dataclasses.field(default_factory=dict)
    peak_bytes: int = 0

    @property
    def cases(self) -> int:
        return self.results.total() + len(self.findings)


def run_cases(
    models: Sequence[Path],
    seed: int,
    first: int,
    count: int,
    processes: int = 1,
    progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Cases `first` to `first + count - 1` of a seed. progress: called after every case."""
    summary, lock = Summary(), threading.Lock()

    def take(line: dict) -> None:
        with lock:
            _count(summary, line)
            if "number" in line:
                progress(summary)

    threads = [
        threading.Thread(
            target=_work, args=(models, seed, range(first + i, first + count, processes), take)
        )
        for i in range(processes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summary


def _count(summary: Summary, line: dict) -> None:
    if "finding" in line:
        summary.findings[line["number"]] = line["finding"]
    elif "result" in line:
        summary.results[line["kind"], line["result"]] += 1
        slowest = summary.slowest.get(line["kind"], (0.0, 0))
        summary.slowest[line["kind"]] = max(slowest, (line["seconds"], line["number"]))
    summary.peak_bytes = max(summary.peak_bytes, line.get("peak_bytes", 0))


def _work(models: Sequence[Path], seed: int, numbers: range, take: Callable[[dict], None]) -> None:
    """A worker after the other, until every case was tried."""
    while len(numbers):
        command = [sys.executable, "-m", "tests.fuzz.worker", "--seed", str(seed), "--numbers"]
        command += [str(n) for n in (numbers.start, numbers.stop, numbers.step)]
        worker = subprocess.Popen(
            [*command, *map(str, models)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if len(numbers) == 1 else subprocess.DEVNULL,
            text=True,
            env=os.environ | _SINGLE_THREADED,
        )
        assert worker.stdout is not None
        begun, is_open, is_done = None, False, False
        for text in worker.stdout:
            line = json.loads(text)
            take(line)
            if "begin" in line:
                begun, is_open = line["begin"], True
            else:
                is_open = False
            is_done = is_done or "peak_bytes" in line
        status = worker.wait()
        if begun is None:
            raise RuntimeError(f"the worker did not start: {' '.join(command)}")
        if is_open:
            take({"number": begun, "finding": f"the worker ended with status {status}"})
        numbers = range(0) if is_done else range(begun + numbers.step, numbers.stop, numbers.step)
