"""Builds and runs hostile_operators.cc: every training operator under two sanitizers.

python -m tests.fuzz.operators [--variants 2000] [--seed 1]
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.cortex_m.parity_operators import recorded
from tests.op_cases.table import PARITY_CASES
from tests.sanitizer.replay import ENVIRONMENT, build_program
from tools.cortex_m import build as cross
from tools.cortex_m.recording import pack

# Cases of each operator, the smallest of the first ones.
_CASES, _FIRST = 6, 40
_SOURCES = ("tests/fuzz/hostile_operators.cc", "tools/cortex_m/tflm_stand_in.cc")


def small_operators() -> bytes:
    """A recording with small parity cases of every training operator."""
    operators = []
    for _, cases in PARITY_CASES:
        first = itertools.islice(cases(np.random.default_rng(7)), _FIRST)
        small = sorted(first, key=lambda c: sum(a.size for a in c.inputs if a is not None))
        operators += [recorded(case) for case in small[:_CASES]]
    return pack(operators)


def build(dsp: bool) -> Path:
    """The program; see build_program."""
    return build_program("hostile_operators", [cross.ROOT / name for name in _SOURCES], dsp)


def run(variants: int, seed: int, dsp: bool = False) -> dict[str, tuple[int, int]]:
    """Custom code -> variants refused, variants run. Raises AssertionError with the sanitizer's
    text for the first that does something else."""
    program = build(dsp)
    with tempfile.NamedTemporaryFile(suffix=".recording") as file:
        file.write(small_operators())
        file.flush()
        done = subprocess.run(
            [program, file.name, str(variants), str(seed)],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-4000:]
    lines = (line.split() for line in done.stdout.splitlines())
    return {code: (int(refused), int(ran)) for code, refused, ran in lines}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.operators")
    parser.add_argument("--variants", type=int, default=2000, help="of each of six cases")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for dsp in (False, True):
        counts = run(options.variants, options.seed, dsp)
        refused, ran = (sum(count[i] for count in counts.values()) for i in range(2))
        print(
            f"{'DSP' if dsp else 'plain'} kernels: {len(counts)} operators, {refused + ran} "
            f"variants, {refused} refused by Prepare, {ran} run, 0 findings"
        )


if __name__ == "__main__":
    main()
