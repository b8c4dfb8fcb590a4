"""How the commands show training: bars while it runs, a line for what it reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tflm_training.history import Progress
from tflm_training.trainer import ProgressHook

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars


def show_metric(metric: str, value: float) -> str:
    """The metric, "accuracy" or "mse", in words."""
    return f"accuracy {100 * value:.2f} %" if metric == "accuracy" else f"error (mse) {value:.6g}"


def epoch_line(state: Progress, epochs: int) -> str:
    """What is printed after an epoch."""
    line = f"epoch {state.epoch + 1}/{epochs}: loss {state.loss:.6g}"
    return line if state.accuracy is None else f"{line}, {show_metric('accuracy', state.accuracy)}"


def make_bars(console: Console) -> Bars:
    """Progress bars that vanish when they are done; nothing where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def step_hook(bars: Bars, name: str) -> ProgressHook:
    """A bar of its own for the steps of one call."""
    task = bars.add_task(name, total=None, state="")

    def show(state: Progress) -> None:
        text = f"loss {state.loss:.4f}"
        if state.accuracy is not None:
            text += f", accuracy {100 * state.accuracy:.1f} %"
        bars.update(task, completed=state.step, total=state.steps, state=text)

    return show


def bytes_hook(bars: Bars, name: str) -> Callable[[int, int], None]:
    """A bar for the bytes of a transfer."""
    task = bars.add_task(name, total=None, state="bytes")

    def show(done: int, total: int) -> None:
        bars.update(task, completed=done, total=total)

    return show
