"""The trade-off explorer: what each budget buys.

For every budget the chosen update, its arena and work and, with data, what it reaches after a
short training on this computer; as rows, as CSV and as a plot.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from converter.conversion import convert_source
from converter.errors import ConverterError
from converter.memory import CORTEX_M, predict_arena
from converter.passes.training_graph import Source, prepare
from converter.report.json_report import scheme_file
from converter.report.plan import layer_plans
from converter.search.auto import find_gains
from converter.search.fit import Limit
from converter.search.scheme import AUTO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tflm_training.data import DataSet

EPOCHS = 2
LEARNING_RATE = 0.01
MAX_SAMPLES = 1000
_KIB = 1024
_DPI = 120


@dataclasses.dataclass(frozen=True)
class Row:
    """One budget. Sizes are bytes; None where no update fits, and `reason` says why.

    extra: arena over that of inference in TFLM, negative where the converter saves more than
    training takes; macs_backward: of one step; metric: accuracy (0 to 1) or, for mse, the mean
    squared error, after a short training, None without data; scheme: the scheme file.
    """

    budget: int
    arena: int | None = None
    extra: int | None = None
    macs_backward: int | None = None
    filters: int | None = None
    biases: int | None = None
    metric: float | None = None
    reason: str = ""
    scheme: bytes | None = None


def sweep(
    source: Source,
    limits: list[Limit],
    update: str = AUTO,
    data: DataSet | None = None,
    progress: Callable[[float, int], None] = lambda done, total: None,
) -> list[Row]:
    """A row for each limit. progress: called with (budgets done, budgets). Raises
    ConverterError for models and data that no budget makes usable."""
    inference = predict_arena(prepare(source).model, CORTEX_M).smallest_arena
    count = len(limits)
    samples = None if data is None else (data.x_train, data.y_train)
    gains = find_gains(source, samples, lambda done, total: None) if update == AUTO else {}
    rows = []
    for i, limit in enumerate(limits):
        progress(i, count)

        def part(done: int, total: int, start: int = i) -> None:
            progress(start + done / (2 * total), count)

        assert limit.budget is not None
        try:
            converted = convert_source(source, limit, update, gains, part, samples)
        except ConverterError as error:
            rows.append(Row(limit.budget, reason=str(error)))
            continue
        plans = layer_plans(converted)
        scheme = converted.training.scheme.values()
        arena = converted.arena.smallest_arena
        rows.append(
            Row(
                budget=limit.budget,
                arena=arena,
                extra=arena - inference,
                macs_backward=sum(p.macs_backward for p in plans),
                filters=sum(u.channels > 0 for u in scheme),
                biases=sum(u.bias for u in scheme),
                metric=None if data is None else _short_training(converted.flatbuffer, data),
                scheme=scheme_file(plans),
            )
        )
    progress(count, count)
    return rows


def _short_training(flatbuffer: bytes, data: DataSet) -> float:
    from tflm_training import Trainer
    from tflm_training.data import DataError

    trainer = Trainer(flatbuffer)
    y_train, y_test = data.y_train, data.y_test
    try:
        trainer.fit(
            data.x_train[:MAX_SAMPLES],
            None if y_train is None else y_train[:MAX_SAMPLES],
            epochs=EPOCHS,
            learning_rate=LEARNING_RATE,
        )
        result = trainer.evaluate(
            data.x_test[:MAX_SAMPLES], None if y_test is None else y_test[:MAX_SAMPLES]
        )
    except DataError as error:
        raise ConverterError(f"--data: {error}") from error
    return result["mse" if trainer.is_regression else "accuracy"]


def size_text(value: int) -> str:
    """'64k' for whole KiB, else bytes."""
    return f"{value // _KIB}k" if value % _KIB == 0 else str(value)


def sweep_files(rows: list[Row], title: str, is_regression: bool) -> dict[str, bytes]:
    """File name -> content: sweep.csv, sweep.png and a scheme file for each budget."""
    files = {
        f"scheme_{size_text(row.budget)}.json": row.scheme for row in rows if row.scheme is not None
    }
    return {
        "sweep.csv": _csv(rows, is_regression),
        "sweep.png": _plot(rows, title, is_regression),
        **files,
    }


def _metric_name(is_regression: bool) -> str:
    return "mse" if is_regression else "accuracy"


def _csv(rows: list[Row], is_regression: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["budget_bytes", "arena_bytes", "extra_bytes", "backward_macs", "filters", "biases"]
        + [_metric_name(is_regression), "reason"]
    )
    for row in rows:
        metric = None if row.metric is None else f"{row.metric:.6g}"
        writer.writerow(
            [row.budget, row.arena, row.extra, row.macs_backward, row.filters, row.biases]
            + [metric, row.reason]
        )
    return text.getvalue().encode()


def _plot(rows: list[Row], title: str, is_regression: bool) -> bytes:
    """Draws without a display."""
    from matplotlib.figure import Figure

    done = [row for row in rows if row.arena is not None]
    has_metric = any(row.metric is not None for row in done)
    figure = Figure(figsize=(9, 8 if has_metric else 6), layout="constrained")
    panels = figure.subplots(3 if has_metric else 2, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    memory, work = panels[:2]
    budgets = [row.budget / _KIB for row in rows]
    memory.plot(budgets, budgets, color="#b8b8b8", linestyle="--", label="budget")
    _line(memory, done, [(row.arena or 0) / _KIB for row in done], "#3182bd", "arena")
    _line(memory, done, [(row.extra or 0) / _KIB for row in done], "#fd8d3c", "more than inference")
    for row in rows:
        if row.arena is None:
            memory.axvline(row.budget / _KIB, color="#d62728", linestyle=":")
            memory.annotate(
                "nothing fits",
                (row.budget / _KIB, 0.02),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=8,
                color="#d62728",
                ha="right",
            )
    memory.set_ylabel("KiB")
    memory.legend(fontsize=8, frameon=False)
    _line(work, done, [(row.macs_backward or 0) / 1e6 for row in done], "#756bb1", "")
    work.set_ylabel("backward MACs a step, millions")
    if has_metric:
        shown = [row for row in done if row.metric is not None]
        _line(panels[2], shown, [row.metric or 0.0 for row in shown], "#31a354", "")
        panels[2].set_ylabel(f"{_metric_name(is_regression)} after {EPOCHS} epochs")
    panels[-1].set_xlabel("budget, KiB")
    for axes in panels:
        axes.grid(color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()


def _line(axes: Axes, rows: list[Row], values: list[float], color: str, label: str) -> None:
    axes.plot(
        [row.budget / _KIB for row in rows], values, marker="o", color=color, label=label or None
    )
