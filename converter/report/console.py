"""The plan on the console."""

from __future__ import annotations

import os

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from converter.conversion import TrainingModel
from converter.report.plan import LayerPlan
from converter.rules.convolution import UNNORMALISED_INPUT


def _update(plan: LayerPlan) -> str:
    if plan.update is None:
        return "[dim]frozen[/dim]"
    parts = []
    if plan.update.channels == plan.update.of:
        parts.append("weights")
    elif plan.update.channels:
        parts.append(f"{plan.update.channels} of {plan.update.of} channels")
    if plan.update.bias:
        parts.append("bias")
    text = " + ".join(parts)
    if plan.layer.dead_channels:
        text += f" ({plan.layer.dead_channels} dead)"
    return text


def _common_folder(names: list[str]) -> str:
    """The scope, 'model/' say, that all names start with."""
    return os.path.commonprefix(names).rpartition("/")[0] + "/" if len(names) > 1 else ""


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _kib(value: int) -> str:
    return f"{value:,} bytes ({value / 1024:.1f} KiB)"


def print_plan(
    console: Console, converted: TrainingModel, plans: list[LayerPlan], verbose: bool
) -> None:
    """Print the table of layers and the arena against the budget.

    Without `verbose`, frozen layers before the first one that takes part are one row.
    """
    table = Table(title=f"Training plan of {escape(converted.source.name)}", title_justify="left")
    for heading, justify in (
        ("#", "right"),
        ("layer", "left"),
        ("op", "left"),
        ("output", "left"),
        ("update", "left"),
        ("saved bytes", "right"),
        ("forward MACs", "right"),
        ("backward MACs", "right"),
        *((("why", "left"),) if converted.why else ()),
    ):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    first = next(
        (i for i, p in enumerate(plans) if p.update or p.macs_backward or p.saved_bytes), 0
    )
    hidden = 0 if verbose else first
    folder = _common_folder([p.layer.name for p in plans])
    if hidden:
        forward = sum(p.layer.macs for p in plans[:hidden])
        table.add_row(f"0-{hidden - 1}", "", "", "", "[dim]frozen[/dim]", "", _count(forward), "")
    for plan in plans[hidden:]:
        table.add_row(
            str(plan.layer.index),
            escape(plan.layer.name.removeprefix(folder)),
            plan.layer.op,
            "x".join(map(str, plan.layer.shape)),
            _update(plan),
            _count(plan.saved_bytes),
            _count(plan.layer.macs),
            _count(plan.macs_backward),
            *((converted.why.get(plan.layer.index, ""),) if converted.why else ()),
        )
    table.add_section()
    table.add_row(
        "",
        "total",
        "",
        "",
        "",
        _count(sum(p.saved_bytes for p in plans)),
        _count(sum(p.layer.macs for p in plans)),
        _count(sum(p.macs_backward for p in plans)),
    )
    console.print(table)
    _print_notes(console, converted, plans)


def _print_notes(console: Console, converted: TrainingModel, plans: list[LayerPlan]) -> None:
    arena, budget = converted.arena, converted.budget
    lines = [f"arena on Cortex-M: {_kib(arena.total)}"]
    if budget is not None:
        lines[0] += f", {100 * arena.total / budget:.0f} % of the budget of {_kib(budget)}"
    lines += [
        f"smallest tensor arena that works: {_kib(arena.smallest_arena)}",
        f"arena on a 64-bit host: {_kib(converted.arena_host.total)}",
        f"flash for the model: {_kib(len(converted.flatbuffer))}",
        "The stack and the rest of the application are not in these figures.",
    ]
    if not arena.exact:
        unknown = ", ".join(sorted(set(arena.unknown_operators)))
        lines.append(f"note: the arena is an estimate; what TFLM takes for {unknown} is not known")
    for trial in sorted(converted.trials, key=lambda trial: -trial.score):
        metric = (
            f"mean squared error {trial.metric:.4g}"
            if trial.is_regression
            else f"{100 * trial.metric:.1f} % right"
        )
        lines.append(
            f"tried, by {trial.origin}: {metric} on held-out data, learning rate "
            f"{trial.learning_rate:g}"
        )
    for plan in plans:
        if plan.update and plan.layer.input_range > UNNORMALISED_INPUT:
            lines.append(
                f"note: layer {plan.layer.index} reads values up to "
                f"{plan.layer.input_range:.0f}; it learns as if they were scaled to 1"
            )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
