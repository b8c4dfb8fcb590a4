"""The arena of each model: what planning saves, and what it saves of a full update.

    python -m benchmarks.memory_planning --models DIR [--names kws_ref_model,...]
                                         [--budgets 128k,256k] [--json OUT.json]

One table a model, bytes on a 32-bit Cortex-M as the converter predicts them:

    greedy       operators in the given order, placed by TFLite Micro's own planner
    planned      order, sharing and offsets by the converter
    of full      how many times less than a full update of int16 gradients that applies all
                 updates after the whole backward pass, as frameworks do, placed greedily
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import converter
from benchmarks import arguments
from converter.cli import parse_bytes
from converter.errors import ConverterError
from converter.memory import CORTEX_M, predict_arena
from converter.model import Model
from converter.passes.training_graph import (
    Lowering,
    Source,
    TrainingGraph,
    build_training_graph,
    prepare,
)
from converter.planning import plan_memory
from converter.planning.order import is_valid_order
from converter.search.scheme import parse_scheme

_NAMES = (
    "kws_ref_model",
    "vww_96_int8",
    "pretrainedResnet_quant",
    "person_detect",
    "mcunet-5fps-128",
)
_NUM_CLASSES = {"mcunet-5fps-128": 10}  # the scheme of the paper is for ten
_SCHEMES = Path(__file__).parent / "schemes"
_SCHEME_FILES = {"mcunet-5fps-128": "mcunet_49kb.json"}

_UNCHANGED = Lowering(whole=False, gradient_bits=16)
_WHOLE = Lowering(whole=True, gradient_bits=16)
_NARROW = Lowering(whole=True, gradient_bits=8)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table; bytes, None where the line has no such figure."""

    title: str
    greedy: int | None
    planned: int | None


def _updates_last(model: Model) -> int:
    """Bytes if every update waits until the backward pass is over."""
    graph = model.graph
    given = graph.operators
    graph.operators = sorted(given, key=lambda op: op.name.endswith("_UPDATE"))
    assert is_valid_order(given, graph.operators)
    total = predict_arena(model, CORTEX_M).total
    graph.operators = given
    return total


def _planned(title: str, model: Model) -> Row:
    plan = plan_memory(model)
    return Row(title, plan.unplanned.total, plan.arena.total)


def _training(source: Source, update: str, lowering: Lowering) -> TrainingGraph:
    scheme = parse_scheme(update, prepare(source).layers)
    return build_training_graph(source, scheme, lowering)


def _auto(source: Source, budget: int) -> Row:
    title = f"auto, budget {budget // 1024}k"
    try:
        converted = converter.convert(
            source.data, budget, num_classes=source.num_classes, name=source.name
        )
    except ConverterError:
        return Row(f"{title}: nothing fits", None, None)
    weights = [update for update in converted.training.scheme.values() if update.channels]
    title += f": weights of {len(weights)} layers"
    return Row(title, converted.plan.unplanned.total, converted.plan.arena.total)


def measure(source: Source, budgets: list[int]) -> list[Row]:
    """The rows of one model; the first one is the full update that applies updates last."""
    full = _training(source, "all", _UNCHANGED)
    rows = [
        Row("full update, updates last", _updates_last(full.model), None),
        _planned("full update", full.model),
        _planned("full update, int8 gradients", _training(source, "all", _NARROW).model),
        _planned("inference", prepare(source).model),
        _planned("last:4", _training(source, "last:4", _UNCHANGED).model),
        _planned("last:4, own convolutions", _training(source, "last:4", _WHOLE).model),
    ]
    layers = prepare(source).layers
    biases = f"bias:{len(layers)}"
    rows.append(_planned(f"{biases}, own convolutions", _training(source, biases, _WHOLE).model))
    if source.name in _SCHEME_FILES:
        path = _SCHEMES / _SCHEME_FILES[source.name]
        rows.append(_planned(path.name, _training(source, str(path), _WHOLE).model))
    return rows + [_auto(source, budget) for budget in budgets]


def _ratio(more: int | None, less: int | None) -> str:
    return f"{more / less:.2f}x" if more and less else ""


def _print(console: Console, name: str, rows: list[Row]) -> None:
    table = Table(title=name, title_justify="left")
    table.add_column("update")
    for heading in ("greedy", "planned", "less", "of full"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.title,
            f"{row.greedy:,}" if row.greedy else "",
            f"{row.planned:,}" if row.planned else "",
            _ratio(row.greedy, row.planned),
            _ratio(rows[0].greedy, row.planned),
        )
    console.print(table)


def main() -> int:
    parser = arguments.parser(__doc__)
    parser.add_argument("--names", default=",".join(_NAMES), help="without .tflite")
    parser.add_argument("--budgets", default="128k,256k")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    budgets = [parse_bytes(text) for text in options.budgets.split(",")]
    console = Console(width=None if sys.stdout.isatty() else 110)
    results = {}
    for name in options.names.split(","):
        path = options.models / f"{name}.tflite"
        if not path.exists():
            console.print(f"{path}: not there, skipped", soft_wrap=True)
            continue
        source = Source(path.read_bytes(), name, num_classes=_NUM_CLASSES.get(name))
        rows = measure(source, budgets)
        _print(console, name, rows)
        results[name] = [dataclasses.asdict(row) for row in rows]
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
