"""What the benchmark prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.cortex_m7 import work
from converter.ir.options import Options

# Tiny Training Engine on the same emulated core: MCUNet-5fps 128x128x3, its scheme of 49 KB.
TTE_BACKWARD = 41_300_000
TTE_PER_MAC = {"forward": 2.89, "input gradient": 3.69, "filter gradient": 4.21}


@dataclasses.dataclass(frozen=True)
class Row:
    """One operator. plain_instructions: of the plain C++ kernels, None if not asked for;
    fault: None if every byte that it left is that of the host."""

    options: Options
    about: str
    macs: int
    instructions: int
    plain_instructions: int | None
    stack_bytes: int
    fault: str | None

    @property
    def custom_code(self) -> str:
        return self.options.CUSTOM_CODE


@dataclasses.dataclass(frozen=True)
class Sum:
    """Operators together."""

    title: str
    count: int
    macs: int
    instructions: int
    plain_instructions: int | None

    @property
    def per_mac(self) -> float | None:
        return self.instructions / self.macs if self.macs else None


def total(title: str, rows: Iterable[Row]) -> Sum:
    listed = list(rows)
    plain = [r.plain_instructions for r in listed if r.plain_instructions is not None]
    return Sum(
        title,
        len(listed),
        sum(r.macs for r in listed),
        sum(r.instructions for r in listed),
        sum(plain) if plain else None,
    )


def sums(rows: Sequence[Row]) -> list[Sum]:
    """One for each kind of operator, in the order of the step."""
    kinds = dict.fromkeys(row.custom_code for row in rows)
    return [total(kind, (r for r in rows if r.custom_code == kind)) for kind in kinds]


def parts(rows: Sequence[Row]) -> list[Sum]:
    """The start-up, the forward pass and the backward pass with its updates."""
    return [
        total(part, (r for r in rows if work.part(r.options) == part))
        for part in (work.START_UP, work.FORWARD, work.BACKWARD)
    ]


def step_total(rows: Sequence[Row]) -> Sum:
    """All that runs in each step."""
    return total("total of a step", (r for r in rows if work.part(r.options) != work.START_UP))


def _figures(item: Row | Sum, has_plain: bool) -> list[str]:
    cells = [f"{item.instructions:,}", f"{item.macs:,}" if item.macs else ""]
    cells.append(f"{item.instructions / item.macs:.2f}" if item.macs else "")
    if has_plain and item.plain_instructions is not None:
        cells += [f"{item.plain_instructions:,}"]
        cells += [f"{item.plain_instructions / max(item.instructions, 1):.2f}x"]
    return cells


def _table(title: str, first: Sequence[str], has_plain: bool) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in first:
        table.add_column(heading)
    headings = ["instructions", "MACs", "per MAC"]
    headings += ["plain C++", "gain"] if has_plain else []
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def print_operators(console: Console, rows: Sequence[Row]) -> None:
    has_plain = any(row.plain_instructions is not None for row in rows)
    table = _table("operators", ("operator", "tensor"), has_plain)
    table.add_column("stack", justify="right")
    for row in rows:
        about = row.about if len(row.about) <= 28 else "…" + row.about[-27:]
        stack = "" if row.fault else f"{row.stack_bytes:,}"
        table.add_row(row.custom_code, about, *_figures(row, has_plain), stack)
    console.print(table)


def print_sums(console: Console, rows: Sequence[Row]) -> None:
    has_plain = any(row.plain_instructions is not None for row in rows)
    table = _table("sums", ("", "operators"), has_plain)
    for item in sums(rows):
        table.add_row(item.title, str(item.count), *_figures(item, has_plain))
    table.add_section()
    for item in parts(rows):
        table.add_row(item.title, str(item.count), *_figures(item, has_plain))
    table.add_section()
    item = step_total(rows)
    table.add_row(item.title, str(item.count), *_figures(item, has_plain))
    console.print(table)


def comparison(rows: Sequence[Row], same_model: bool) -> list[tuple[str, float, float]]:
    """(what, ours, Tiny Training Engine's); the whole pass only for the same model."""

    def per_mac(applies: Callable[[Options], bool]) -> float | None:
        return total("", (r for r in rows if r.macs and applies(r.options))).per_mac

    found = {
        "forward": per_mac(lambda options: work.part(options) == work.FORWARD),
        "input gradient": per_mac(work.is_input_gradient),
        "filter gradient": per_mac(work.is_filter_update),
    }
    lines = [
        (f"{what}, instructions per MAC", ours, TTE_PER_MAC[what])
        for what, ours in found.items()
        if ours is not None
    ]
    if same_model:
        backward = next(p for p in parts(rows) if p.title == work.BACKWARD)
        lines.insert(0, (f"{work.BACKWARD}, instructions", backward.instructions, TTE_BACKWARD))
    return lines


def print_comparison(console: Console, lines: Sequence[tuple[str, float, float]]) -> None:
    table = Table(
        title="beside Tiny Training Engine, MCUNet's scheme of 49 KB", title_justify="left"
    )
    table.add_column("")
    for heading in ("here", "TTE", "TTE / here"):
        table.add_column(heading, justify="right")
    for what, ours, theirs in lines:
        digits = 0 if theirs > 1000 else 2
        table.add_row(what, f"{ours:,.{digits}f}", f"{theirs:,.{digits}f}", f"{theirs / ours:.2f}x")
    console.print(table)
