"""`python -m converter model.tflite --budget 48k,64k --sweep DIR`."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from converter.errors import ConverterError
from converter.files import check_free, write_all
from converter.passes.loss import MSE
from converter.passes.training_graph import Source
from converter.search.fit import Limit
from converter.search.inputs import read_data, read_model_file
from converter.search.sweep import Row, size_text, sweep, sweep_files

_SINGLE = ("output", "plot", "report", "save_scheme", "c_array")


def run_sweep(options: argparse.Namespace) -> None:
    """`options`: those of the converter. Raises ConverterError."""
    for name in _SINGLE:
        if getattr(options, name):
            raise ConverterError(f"--{name}: not with --sweep, which writes files of its own")
    budgets = sorted(set(options.budget))
    # The files of all budgets, whether or not something fits: nothing is lost by looking.
    names = ["sweep.csv", "sweep.png", *(f"scheme_{size_text(b)}.json" for b in budgets)]
    check_free([options.sweep / name for name in names], options.model, options.overwrite)
    source = Source(
        read_model_file(options.model),
        options.model.name,
        options.loss,
        options.num_classes,
        options.spare_classes,
    )
    limits = [
        Limit(budget, options.gradient_bits, options.weight_bits, options.accumulate)
        for budget in budgets
    ]
    data = read_data(options.data, options.loss)
    console = Console(stderr=True, quiet=options.quiet)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("trying budgets", total=len(budgets))
        rows = sweep(
            source,
            limits,
            options.update,
            data,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    is_regression = options.loss == MSE
    files = sweep_files(rows, f"{source.name}: what a budget buys", is_regression)
    write_all({options.sweep / name: content for name, content in files.items()})
    _print(Console(quiet=options.quiet), rows, is_regression)


def _print(console: Console, rows: list[Row], is_regression: bool) -> None:
    table = Table()
    metric = "mse" if is_regression else "accuracy"
    for heading in ("budget", "arena", "over inference", "backward MACs", "trained", metric):
        table.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        if row.arena is None:
            table.add_row(size_text(row.budget), "nothing fits")
            continue
        table.add_row(
            size_text(row.budget),
            f"{row.arena:,}",
            f"{row.extra:+,}",
            f"{row.macs_backward:,}",
            f"{row.filters} filters, {row.biases} biases",
            "" if row.metric is None else f"{row.metric:.4g}",
        )
    console.print(table)
    for row in rows:
        if row.reason:
            console.print(f"{size_text(row.budget)}: {row.reason}", highlight=False, soft_wrap=True)
