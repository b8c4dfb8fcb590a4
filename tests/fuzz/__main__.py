"""Long runs: python -m tests.fuzz --count 20000 --models FOLDER. Exit status 1 with findings."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.arguments import folder
from tests.fuzz.run import Summary, run_cases
from tests.stock import DIGITS


def _figures(summary: Summary, seconds: float) -> str:
    lines = [f"{'kind':<22} {'cases':>7} {'outputs':>8} {'errors':>8} {'slowest':>9}"]
    kinds = sorted({kind for kind, _ in summary.results})
    for kind in kinds:
        outputs, errors = (summary.results[kind, result] for result in ("output", "error"))
        slowest, number = summary.slowest[kind]
        lines.append(
            f"{kind:<22} {outputs + errors:>7} {outputs:>8} {errors:>8} {slowest:>7.2f} s  "
            f"(case {number})"
        )
    lines.append(
        f"{summary.cases} cases in {seconds:.0f} s, {len(summary.findings)} findings, "
        f"peak memory {summary.peak_bytes / 2**20:.0f} MiB"
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--models", type=folder, help="folder of .tflite files (default: bundled)")
    options = parser.parse_args()
    models = sorted(options.models.glob("*.tflite")) if options.models is not None else []
    if options.models is not None and not models:
        parser.error(f"{options.models}: no .tflite file in it")
    start = time.monotonic()

    shown: set[int] = set()

    def progress(summary: Summary) -> None:
        for number in summary.findings.keys() - shown:
            print(f"case {number}: {summary.findings[number]}", flush=True)
            shown.add(number)
        if summary.cases % 1000 == 0:
            print(f"{summary.cases} cases, {len(summary.findings)} findings", flush=True)

    summary = run_cases(
        [DIGITS, *models],
        options.seed,
        options.first,
        options.count,
        options.processes,
        progress,
    )
    print(_figures(summary, time.monotonic() - start))
    return 1 if summary.findings else 0


if __name__ == "__main__":
    sys.exit(main())
