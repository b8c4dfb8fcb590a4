"""`python -m tflm_training merge`: trained weights back into an inference model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tflm_training.commands import output
from tflm_training.data import DataError
from tflm_training.files import check_writable, read_file, write_file
from tflm_training.trainer import Trainer

_DESCRIPTION = """Write the int8 inference model of a training flatbuffer with the weights of a
checkpoint, from this computer or from a device. It has the operators of the original model and runs
in any TFLite runtime; the original itself is not needed."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "merge", help="make an inference model", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="training flatbuffer (python -m converter)")
    parser.add_argument("checkpoint", metavar="CHECKPOINT")
    parser.add_argument("--output", type=Path, required=True, metavar="UPDATED.tflite")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    output.add_volume_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Merge and write. Raises DataError, RuntimeError or OSError."""
    # The converter is a large import, and the other commands do without.
    from converter.errors import ConverterError
    from converter.merge import merge

    check_writable(arguments.output, arguments.overwrite)
    for source in (arguments.model, arguments.checkpoint):
        if Path(source).exists() and arguments.output.exists():
            if arguments.output.samefile(source):
                raise DataError(f"{source}: would be replaced by what is made of it")
    console = output.make_console(arguments)
    trainer = Trainer(arguments.model)
    trainer.restore(arguments.checkpoint)
    if arguments.verbose:
        console.print(trainer.describe())
    try:
        merged = merge(read_file(arguments.model), trainer.variables(), arguments.model)
    except ConverterError as error:
        raise DataError(str(error)) from error
    write_file(arguments.output, merged)
    console.print(f"{arguments.output}: {len(merged)} bytes, {trainer.steps} training steps")
