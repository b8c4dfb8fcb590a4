"""The forward convolutions of this project beside those of CMSIS-NN, on an emulated Cortex-M7.

    python -m benchmarks.forward_operators --models DIR --tflm_dir DIR [--tflm_lib LIBTFLM.A]
                                           [--tflm_include "DIR ..."] [--json OUT.json] [--all]

Takes the different convolutions of five models, converted with `auto` for 128 and 256 KiB and, of
MCUNet, with the scheme of 49 KB, as a training step finds them; replays each with the kernels here
and with the functions of CMSIS-NN that TFLite Micro's operators call, which come from TFLM's
static library for Cortex-M7 (OPTIMIZED_KERNEL_DIR=cmsis_nn); compares all outputs, and prints the
instructions here divided by those of CMSIS-NN. A filter that is split between SRAM and flash is
whole for CMSIS-NN. --tflm_include: CMSIS-NN's Include and CMSIS' Core/Include too, where they are
not among TFLM's downloads.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import converter
from benchmarks import arguments
from benchmarks.cortex_m7.step import StepOperator, record_step
from benchmarks.upstream_firmware import add_tflm_arguments
from converter.errors import ConverterError
from converter.ir.training_ops import TrainingConv, TrainingDepthwiseConv2D
from tools.cortex_m.build import CORES, BuildError, Replacement, build
from tools.cortex_m.emulator import EmulatorError, replay
from tools.cortex_m.recording import RecordedOperator, RecordedTensor

_CORE = CORES["cortex-m7"]
_HERE = Path(__file__).resolve().parent
_SCHEME = _HERE.parent / "schemes" / "mcunet_49kb.json"
_MCUNET = "mcunet-5fps-128"
_NAMES = ("kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "person_detect", _MCUNET)
_BUDGETS = (128 << 10, 256 << 10)
_FILTER, _FROZEN = 1, 5
_LIBRARY = "gen/*/lib/libtensorflow-microlite.a"
_DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution: what is measured here, and its counterpart with a whole filter."""

    title: str
    kind: str
    here: RecordedOperator
    whole: RecordedOperator


def _training_models(models: Path) -> Iterator[tuple[str, bytes]]:
    for name in _NAMES:
        content = (models / f"{name}.tflite").read_bytes()
        classes = 10 if name == _MCUNET else None
        for budget in _BUDGETS:
            try:
                made = converter.convert(content, budget, num_classes=classes, name=name)
            except ConverterError as error:
                print(f"left out: {name} in {budget} bytes ({error})", file=sys.stderr)
                continue
            yield name, made.flatbuffer
        if name == _MCUNET:
            made = converter.convert(
                content, _BUDGETS[-1], update=str(_SCHEME), num_classes=classes, name=name
            )
            yield name, made.flatbuffer


def _kind(options: TrainingConv) -> str:
    if isinstance(options, TrainingDepthwiseConv2D):
        kind = "DEPTHWISE_CONV_2D"
    elif options.input_height * options.input_width == 1:
        kind = "FULLY_CONNECTED"
    else:
        kind = "CONV_2D"
    return f"{kind}, filter split" if options.split else kind


def _alone(tensor: RecordedTensor) -> RecordedTensor:
    """In memory of its own, as CMSIS-NN's functions may not write over their inputs."""
    kept = tensor.after if tensor.before is None else tensor.before
    return dataclasses.replace(tensor, after=kept, address=None)


def _layer(model: str, op: StepOperator) -> Layer:
    options = op.options
    assert isinstance(options, TrainingConv)
    forward = dataclasses.replace(options, saved_channels=0, saves_mask=0)
    recorded = op.recorded
    used = [i for i in (*recorded.inputs, recorded.outputs[0]) if i >= 0]
    place = {index: new for new, index in enumerate(used)} | {-1: -1}
    here = dataclasses.replace(
        recorded,
        options=forward.pack(),
        tensors=[_alone(recorded.tensors[i]) for i in used],
        inputs=[place[i] for i in recorded.inputs],
        outputs=[place[recorded.outputs[0]]],
    )
    g = options
    title = (
        f"{model} {g.filter_height}x{g.filter_width} "
        f"{g.input_height}x{g.input_width}x{g.input_channels}"
        f"->{g.output_height}x{g.output_width}x{g.output_channels}"
        + (f" split {g.split}" if g.split else "")
    )
    return Layer(title, _kind(options), here, _joined(here, forward) if g.split else here)


def _joined(op: RecordedOperator, options: TrainingConv) -> RecordedOperator:
    """The operator with both parts of its filter in one tensor."""
    tensors, inputs = list(op.tensors), list(op.inputs)
    parts = [tensors[inputs[i]].after for i in (_FILTER, _FROZEN)]
    whole = np.concatenate(parts, axis=-1)
    tensors[inputs[_FILTER]] = RecordedTensor(after=whole, before=whole)
    inputs[_FROZEN] = -1
    return dataclasses.replace(
        op,
        options=dataclasses.replace(options, split=0).pack(),
        tensors=tensors,
        inputs=inputs,
    )


def layers_of(model: str, flatbuffer: bytes) -> list[Layer]:
    """The convolutions of a training flatbuffer in a training step."""
    return [
        _layer(model, op) for op in record_step(flatbuffer) if isinstance(op.options, TrainingConv)
    ]


def different_layers(models: Path) -> list[Layer]:
    """Those of all models, each once."""
    found: dict[str, Layer] = {}
    for name, flatbuffer in _training_models(models):
        for layer in layers_of(name, flatbuffer):
            found.setdefault(f"{layer.kind} {layer.title.partition(' ')[2]}", layer)
    return list(found.values())


def _cmsis_nn(options: argparse.Namespace) -> Replacement:
    tree = options.tflm_dir.resolve()
    downloads = tree / _DOWNLOADS
    includes = [downloads / "cmsis_nn" / "Include", downloads / "cmsis" / "CMSIS/Core/Include"]
    includes += map(Path, (options.tflm_include or "").split())
    libraries = [options.tflm_lib] if options.tflm_lib is not None else sorted(tree.glob(_LIBRARY))
    if len(libraries) != 1:
        raise BuildError(f"--tflm_lib: {len(libraries)} static libraries under {tree}/gen, not one")
    return Replacement(
        without=("training_conv_2d_dsp", "training_depthwise_conv_2d_dsp"),
        sources=(_HERE / "cmsis_nn_kernels.cc",),
        includes=tuple(includes),
        libraries=(libraries[0].resolve(),),
    )


def _table(rows: list[tuple[Layer, int, int]]) -> Table:
    table = Table("", "layers", "least", "most", "slower than CMSIS-NN")
    for kind in sorted({layer.kind for layer, _, _ in rows}):
        ratios = [here / theirs for layer, here, theirs in rows if layer.kind == kind]
        slower = sum(ratio > 1 for ratio in ratios)
        table.add_row(
            kind, str(len(ratios)), f"{min(ratios):.2f}", f"{max(ratios):.2f}", f"{slower}"
        )
    return table


def main() -> int:
    parser = arguments.parser(__doc__)
    add_tflm_arguments(parser, required=True)
    parser.add_argument("--json", type=Path, help="write every layer's figures here too")
    parser.add_argument("--all", action="store_true", help="a line for every layer")
    options = parser.parse_args()
    try:
        found = different_layers(options.models)
        ours = replay(build(_CORE), _CORE, [layer.here for layer in found]).operators
        program = build(_CORE, replacement=_cmsis_nn(options))
        theirs = replay(program, _CORE, [layer.whole for layer in found]).operators
    except (BuildError, ConverterError, EmulatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = [
        (layer, a.instructions, b.instructions)
        for layer, a, b in zip(found, ours, theirs, strict=True)
    ]
    if options.all:
        for layer, here, cmsis_nn in sorted(rows, key=lambda row: row[1] / row[2]):
            print(f"{here / cmsis_nn:.2f}  {here:>9}  {cmsis_nn:>9}  {layer.kind}  {layer.title}")
    Console().print(_table(rows))
    faults = [
        f"{layer.title}: {run.fault}"
        for layer, *runs in zip(found, ours, theirs, strict=True)
        for run in runs
        if run.fault
    ]
    print("\n".join(faults) if faults else f"all outputs of {len(rows)} layers are equal")
    if options.json is not None:
        content = [
            {"layer": layer.title, "kind": layer.kind, "here": here, "cmsis_nn": cmsis_nn}
            for layer, here, cmsis_nn in rows
        ]
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
