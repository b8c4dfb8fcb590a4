"""The converter's command line."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError
from converter.files import check_free, output_paths, write_all
from converter.passes.loss import LOSSES
from converter.report.c_array import c_array
from converter.report.console import print_plan
from converter.report.html_report import SUFFIX, html_report
from converter.report.json_report import json_report, scheme_file
from converter.report.memory_plot import FORMATS, memory_map_image
from converter.report.plan import layer_plans
from converter.search.inputs import read_data, read_model_file
from converter.search.scheme import AUTO
from converter.search.sweep_cli import run_sweep

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130
_FILE_WIDTH = 150  # columns of the plan in a pipe or file
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


def parse_bytes(text: str) -> int:
    """'256k' -> 262144; 'k' and 'm' are binary, as memory is. Raises ArgumentTypeError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([km]?)(?:i?b)?", text.strip().lower())
    value = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if value <= 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no amount of memory; write bytes, or 256k, or 1m"
        )
    return value


def parse_budgets(text: str) -> list[int]:
    """'48k,64k' -> [49152, 65536]. Raises ArgumentTypeError."""
    return [parse_bytes(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m converter",
        description="Rewrite an int8 TFLite model so that TensorFlow Lite Micro can train it.",
    )
    parser.add_argument("model", type=Path, help="int8 .tflite model")
    parser.add_argument(
        "--budget",
        type=parse_budgets,
        required=True,
        help="arena on the device, in bytes: 262144 or 256k; several (64k,96k) with --sweep",
    )
    parser.add_argument(
        "--output", type=Path, help="directory or .tflite file (default: beside the model)"
    )
    parser.add_argument(
        "--update",
        default=AUTO,
        metavar="SPEC",
        help="what to train: auto (default, what gains most in the budget), all, last:K (weights "
        "and biases of the last K layers), bias:K, or a JSON scheme file",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="x_train, y_train, x_test, y_test: auto measures on them what each "
        "layer gains and, within a budget, tries the best choices in short trainings",
    )
    parser.add_argument(
        "--save_scheme",
        type=Path,
        metavar="FILE.json",
        help="also write what is trained as a scheme file for --update",
    )
    parser.add_argument(
        "--sweep",
        type=Path,
        metavar="DIR",
        help="write what each of several budgets buys, as CSV, plot and scheme files",
    )
    parser.add_argument(
        "--num_classes", type=int, metavar="N", help="replace the classifier by one of N classes"
    )
    parser.add_argument(
        "--spare_classes",
        type=int,
        default=0,
        metavar="N",
        help="add N outputs for classes to come; the present ones stay as they are",
    )
    parser.add_argument(
        "--loss", choices=LOSSES, help="default: cross-entropy; mse for autoencoders and regressors"
    )
    parser.add_argument(
        "--gradient_bits",
        type=int,
        choices=(8, 16),
        help="width of gradients (default: 16, and 8 where the budget asks for it)",
    )
    parser.add_argument(
        "--weight_bits",
        type=int,
        choices=(8, 16),
        default=8,
        help="16: train with a byte of fraction for each weight (default: 8)",
    )
    parser.add_argument(
        "--accumulate",
        type=int,
        default=1,
        metavar="N",
        help="add up the gradients of N samples, then move the weights once, as a batch of N "
        "would (default: 1)",
    )
    parser.add_argument(
        "--c_array", action="store_true", help="also write the flatbuffer as C++ source (.h, .cc)"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help=f"also draw the memory map, as {', '.join('.' + name for name in FORMATS)}",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="also write plan, costs and memory map as a page for the browser",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print errors only")
    volume.add_argument("--verbose", action="store_true", help="show every layer")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ConverterError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.sweep is not None:
        run_sweep(options)
        return
    if len(options.budget) > 1:
        raise ConverterError("--budget: several budgets need --sweep DIR")
    paths = output_paths(options.model, options.output, options.c_array)
    if options.plot is not None:
        if options.plot.suffix[1:] not in FORMATS:
            raise ConverterError(f"--plot {options.plot}: must end in .{', .'.join(FORMATS)}")
        paths["plot"] = options.plot
    if options.report is not None:
        if options.report.suffix != SUFFIX:
            raise ConverterError(f"--report {options.report}: must end in {SUFFIX}")
        paths["report"] = options.report
    if options.save_scheme is not None:
        if options.save_scheme.suffix != ".json" or options.save_scheme in paths.values():
            raise ConverterError(
                f"--save_scheme {options.save_scheme}: must be a .json file of its own"
            )
        paths["scheme"] = options.save_scheme
    if options.data is not None and options.update != AUTO:
        raise ConverterError("--data: only --update auto and --sweep look at data")
    check_free(list(paths.values()), options.model, options.overwrite)
    data = read_model_file(options.model)
    console = Console(quiet=options.quiet)
    if not console.is_terminal:
        console.width = max(console.width, _FILE_WIDTH)
    converted = _convert(options, data, Console(stderr=True, quiet=options.quiet))
    plans = layer_plans(converted)
    contents = {
        paths["tflite"]: converted.flatbuffer,
        paths["json"]: (json.dumps(json_report(converted, plans), indent=2) + "\n").encode(),
    }
    if options.c_array:
        header, source = c_array(converted.flatbuffer, paths["h"].stem)
        contents[paths["h"]] = header.encode()
        contents[paths["cc"]] = source.encode()
    if options.plot is not None:
        contents[options.plot] = memory_map_image(converted, options.plot.suffix[1:])
    if options.report is not None:
        contents[options.report] = html_report(converted)
    if options.save_scheme is not None:
        contents[options.save_scheme] = scheme_file(plans)
    write_all(contents)
    print_plan(console, converted, plans, options.verbose)
    for path in contents:
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)


def _convert(options: argparse.Namespace, data: bytes, console: Console) -> TrainingModel:
    samples = read_data(options.data, options.loss)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("choosing what fits", total=None, visible=options.update == AUTO)
        return convert(
            data,
            budget=options.budget[0],
            update=options.update,
            loss=options.loss,
            num_classes=options.num_classes,
            spare_classes=options.spare_classes,
            gradient_bits=options.gradient_bits,
            weight_bits=options.weight_bits,
            accumulate=options.accumulate,
            name=options.model.name,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
            data=None if samples is None else (samples.x_train, samples.y_train),
        )
