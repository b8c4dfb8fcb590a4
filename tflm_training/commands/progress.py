"""How the commands show training: bars while it runs, a line for what it reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tflm_training.callbacks import Callback
from tflm_training.evaluation import Evaluator, ProgressHook
from tflm_training.history import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars


def metric_name(trainer: Evaluator) -> str:
    """What tells most of how good it is: "accuracy" or "mse"."""
    return "mse" if trainer.is_regression else "accuracy"


def show_metric(metric: str, value: float) -> str:
    """The metric, "accuracy" or "mse", in words."""
    return f"accuracy {100 * value:.2f} %" if metric == "accuracy" else f"error (mse) {value:.6g}"


class TrainingProgress(Callback):
    """A bar for the steps of a run, and a line for each epoch that is done as a whole."""

    def __init__(self, bars: Bars, console: Console) -> None:
        self._bars = bars
        self._console = console
        self._task = bars.add_task("train", total=None, state="")

    def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
        total = None if self.trainer.run is None else self.trainer.run.steps
        self._bars.update(self._task, completed=step, total=total, state=_state(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        run = self.trainer.run
        if run is None or self.trainer.step % run.samples != 0:
            return
        line = f"epoch {epoch + 1}/{run.epochs}: loss {logs['loss']:.6g}"
        if "accuracy" in logs:
            line += f", {show_metric('accuracy', logs['accuracy'])}"
        self._console.print(line)


def _state(logs: dict[str, float]) -> str:
    text = f"loss {logs['loss']:.4f}"
    return f"{text}, accuracy {100 * logs['accuracy']:.1f} %" if "accuracy" in logs else text


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


def test_hook(bars: Bars) -> ProgressHook:
    """A bar of its own for the samples of one test."""
    task = bars.add_task("test", total=None, state="")

    def show(state: Progress) -> None:
        logs = {"loss": state.loss}
        if state.accuracy is not None:
            logs["accuracy"] = state.accuracy
        bars.update(task, completed=state.step, total=state.steps, state=_state(logs))

    return show


def bytes_hook(bars: Bars, name: str) -> Callable[[int, int], None]:
    """A bar for the bytes of a transfer."""
    task = bars.add_task(name, total=None, state="bytes")

    def show(done: int, total: int) -> None:
        bars.update(task, completed=done, total=total)

    return show
