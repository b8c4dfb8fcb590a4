"""A training step on an emulated Cortex-M7: instructions, and outputs equal to the host's.

    python -m benchmarks.cortex_m7 [MODEL_train.tflite] [--models DIR] [--budget 256k]
                                   [--reference] [--opt=-O3] [--json OUT.json]

The step is recorded on this computer: for each custom operator all that it read and wrote.
The emulated core then runs the very same operators, Prepare and Eval, on those inputs, and
every byte that they leave is compared. Only custom operators are measured: TFLite Micro's own
ones, such as ADD, have no library for Arm here. Without a model it is MCUNet with the scheme
of 49 KB if DIR holds mcunet-5fps-128.tflite, and otherwise the example of digits.
QEMU counts instructions, not cycles. The exit status is 1 if an output differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from rich.console import Console

import converter
from benchmarks.arguments import folder
from benchmarks.cortex_m7 import tables, work
from benchmarks.cortex_m7.step import StepOperator, record_step
from converter.cli import parse_bytes
from converter.errors import ConverterError
from examples.digits.demo import MODEL as DIGITS
from tools.cortex_m.build import CORES, DEFAULT_OPTIMISATION, BuildError, build
from tools.cortex_m.emulator import EmulatorError, Run, replay

_CORE = CORES["cortex-m7"]
_MCUNET = "mcunet-5fps-128.tflite"
_ROOT = Path(__file__).resolve().parents[2]
_SCHEME = _ROOT / "benchmarks" / "schemes" / "mcunet_49kb.json"
_DIGITS_BUDGET = "14k"


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured; is_mcunet: it is what Tiny Training Engine was measured with."""

    title: str
    flatbuffer: bytes
    is_mcunet: bool = False


def subject(options: argparse.Namespace) -> Subject:
    if options.model is not None:
        return Subject(options.model.name, options.model.read_bytes())
    mcunet = None if options.models is None else options.models / _MCUNET
    if mcunet is not None and mcunet.exists():
        converted = converter.convert(
            mcunet.read_bytes(),
            parse_bytes(options.budget),
            update=str(_SCHEME),
            num_classes=10,
            name=mcunet.stem,
        )
        return Subject(f"{mcunet.stem}, {_SCHEME.stem}", converted.flatbuffer, is_mcunet=True)
    converted = converter.convert(DIGITS.read_bytes(), parse_bytes(_DIGITS_BUDGET))
    return Subject(f"{DIGITS.stem}, budget {_DIGITS_BUDGET}", converted.flatbuffer)


def measure(step: list[StepOperator], options: argparse.Namespace) -> tuple[list[tables.Row], Run]:
    operators = [op.recorded for op in step]
    run = replay(build(_CORE, optimisation=options.opt), _CORE, operators)
    plain = None
    if options.reference:
        program = build(_CORE, reference=True, optimisation=options.opt)
        plain = replay(program, _CORE, operators).operators
    rows = []
    for i, (op, result) in enumerate(zip(step, run.operators, strict=True)):
        fault = result.fault or (None if plain is None else plain[i].fault)
        rows.append(
            tables.Row(
                options=op.options,
                about=op.about,
                macs=work.macs(op.options),
                instructions=result.instructions,
                plain_instructions=None if plain is None else plain[i].instructions,
                stack_bytes=result.stack_bytes,
                fault=fault,
            )
        )
    return rows, run


def report(name: str, rows: list[tables.Row], lines: list[tuple[str, float, float]]) -> dict:
    """The figures for --json."""

    def plain(item: tables.Row | tables.Sum) -> dict:
        keys = ("macs", "instructions", "plain_instructions")
        return {key: getattr(item, key) for key in keys}

    return {
        "model": name,
        "operators": [
            {
                "operator": row.custom_code,
                "tensor": row.about,
                **plain(row),
                "stack_bytes": row.stack_bytes,
                "fault": row.fault,
            }
            for row in rows
        ],
        "kinds": {item.title: plain(item) for item in tables.sums(rows)},
        "parts": {item.title: plain(item) for item in tables.parts(rows)},
        "step": plain(tables.step_total(rows)),
        "stack_bytes": max(row.stack_bytes for row in rows),
        "tiny_training_engine": [
            {"figure": what, "here": ours, "tte": theirs} for what, ours, theirs in lines
        ],
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", nargs="?", type=Path, help="a training flatbuffer")
    parser.add_argument("--models", type=folder, help="folder of .tflite models")
    parser.add_argument("--budget", default="256k", help="of arena, for MCUNet")
    parser.add_argument(
        "--reference", action="store_true", help="measure the plain C++ kernels beside the others"
    )
    parser.add_argument("--opt", default=DEFAULT_OPTIMISATION, help="optimisation flags")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser.parse_args()


def main() -> int:
    options = parse()
    console = Console(width=None if sys.stdout.isatty() else 130)
    try:
        what = subject(options)
        step = record_step(what.flatbuffer)
        rows, run = measure(step, options)
    except (BuildError, ConverterError, EmulatorError, OSError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    lines = tables.comparison(rows, what.is_mcunet)
    console.print(f"{what.title}: one step on an emulated {_CORE.name}, {options.opt}")
    for item in run.calibration:
        console.print(f"calibration: a loop of {item.expected:,}, counted {item.counted:,}")
    tables.print_operators(console, rows)
    tables.print_sums(console, rows)
    console.print(f"stack of the deepest Eval: {max(r.stack_bytes for r in rows):,} bytes")
    tables.print_comparison(console, lines)
    if options.json is not None:
        content = json.dumps(report(what.title, rows, lines), indent=2) + "\n"
        options.json.write_text(content, encoding="utf-8")
    faults = [row for row in rows if row.fault]
    for row in faults:
        console.print(f"{row.custom_code} {row.about}: {row.fault}", style="red", soft_wrap=True)
    console.print(
        f"{len(rows) - len(faults)} of {len(rows)} operators left every byte as on the host"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
