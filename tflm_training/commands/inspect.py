"""`python -m tflm_training inspect`: what a training flatbuffer or a checkpoint holds, in words."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_training._library import runtime
from tflm_training.commands import output
from tflm_training.data import DataError
from tflm_training.files import read_file
from tflm_training.run_record import Run, unpack_record
from tflm_training.signature import METADATA_NAME, MODEL_ID_NAME, read_signature

if TYPE_CHECKING:
    from rich.console import Console

    from tflm_training._runtime import Interpreter, TensorInfo

_CHECKPOINT_MAGIC = b"TCKP"
_PIPE_WIDTH = 120  # columns of the tables in a pipe or file
_Rows = Iterable[tuple[str, ...]]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="show what a file holds",
        description="Show what a training flatbuffer, an inference model or a checkpoint holds.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="MODEL|CHECKPOINT")
    output.add_volume_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the tables. Raises DataError or RuntimeError."""
    console = output.make_console(arguments)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    content = read_file(arguments.file)
    try:
        if content[:4] == _CHECKPOINT_MAGIC:
            _show_checkpoint(console, arguments.file, content)
        else:
            _show_model(console, arguments.file, content)
    except ValueError as error:
        raise DataError(f"{arguments.file}: {error}") from error


def _table(console: Console, title: str, columns: tuple[str, ...], rows: _Rows) -> None:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=any(columns))
    for column in columns:
        table.add_column(column, justify="right" if column in ("bytes", "number") else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _show_checkpoint(console: Console, name: str, content: bytes) -> None:
    checkpoint = runtime().read_checkpoint(content)
    record = unpack_record(checkpoint.app_data)
    rows = [
        ("model id", checkpoint.model_id.hex()),
        ("training steps", str(checkpoint.steps)),
        ("variables", f"{len(checkpoint.variables):,} bytes, generator state included"),
        ("application data", f"{len(checkpoint.app_data):,} bytes"),
        ("CRC-32", "right"),
    ]
    if record is not None:
        rows.append(("seed", str(record.seed)))
        rows += _run_rows(record.run, record.step) if record.run is not None else []
    _table(console, f"{name}: a checkpoint, {len(content):,} bytes", ("", ""), rows)


def _run_rows(run: Run, step: int) -> list[tuple[str, str]]:
    state = "done" if step == run.steps else f"step {step:,} of {run.steps:,}: can be resumed"
    decay = "falling linearly" if run.decay else "constant"
    return [
        ("run", f"{run.epochs} epochs of {run.samples:,} samples, {state}"),
        (
            "learning rate",
            f"{run.learning_rate:g}, {decay}",
        ),
    ]


def _show_model(console: Console, name: str, content: bytes) -> None:
    from converter.model import read_model

    interpreter: Interpreter = runtime().Interpreter(content)
    is_training = interpreter.metadata(METADATA_NAME) is not None
    kind = "a training flatbuffer" if is_training else "an inference model: nothing to train"
    rows = [("input", _tensor_text(t)) for t in interpreter.inputs()]
    rows += [("output", _tensor_text(t)) for t in interpreter.outputs()]
    rows.append(("arena", f"{interpreter.arena_used_bytes():,} bytes on this host"))
    if is_training:
        signature = read_signature(interpreter)
        identity = interpreter.metadata(MODEL_ID_NAME)
        classes = f", {signature.classes} classes" if signature.classes else ""
        rows.insert(0, ("loss", signature.loss.replace("_", " ") + classes))
        rows.insert(0, ("model id", identity.hex() if identity else "none: no checkpoints"))
    _table(console, f"{name}: {kind}, {len(content):,} bytes", ("", ""), rows)
    if is_training:
        _table(
            console,
            f"trained: {sum(_bytes(v) for v in signature.variables):,} bytes in "
            f"{len(signature.variables)} tensors",
            ("name", "type", "shape", "bytes"),
            [
                (v.name, v.dtype.name, str(list(v.shape)), f"{_bytes(v):,}")
                for v in signature.variables
            ],
        )
    operators = read_model(content, name).graph.operators
    counted = Counter((op.name, "custom" if op.is_custom else "TFLite") for op in operators)
    _table(
        console,
        f"{len(operators)} operators",
        ("operator", "kind", "number"),
        [(*key, str(number)) for key, number in counted.items()],
    )


def _bytes(tensor: TensorInfo) -> int:
    return int(np.prod(tensor.shape)) * tensor.dtype.itemsize


def _tensor_text(tensor: TensorInfo) -> str:
    text = f"{tensor.name}: {tensor.dtype.name} {list(tensor.shape)}"
    if tensor.scale == 0.0:
        return text
    return f"{text}, scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
