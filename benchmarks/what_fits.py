"""What `--update auto` trains of each model in each budget, as a Markdown table.

    python -m benchmarks.what_fits --models DIR [--names kws_ref_model,...]
                                   [--budgets 48k,64k,...]

A cell counts the filters and biases that are trained, and the share of the model's weights that
the trained channels are. Where nothing fits it says what the smallest update needs, in KiB of
arena on a 32-bit Cortex-M, rounded up. The choice is made without data.
"""

from __future__ import annotations

import re
import sys

import converter
from benchmarks import arguments
from converter.cli import parse_budgets
from converter.conversion import TrainingModel
from converter.errors import ConverterError
from converter.passes.training_graph import prepare

_NAMES = "kws_ref_model,vww_96_int8,pretrainedResnet_quant,person_detect,mcunet-5fps-128"
_BUDGETS = "48k,64k,96k,128k,192k,256k"
_NEEDS = re.compile(r"needs (\d+) bytes of arena")


def _kibibytes(size: int) -> str:
    return f"{-(-size // 1024)}k"


def _count(number: int, noun: str, plural: str) -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def _trained(converted: TrainingModel) -> str:
    """For example '4 filters, 7 biases, 12 %'."""
    scheme = converted.training.scheme
    filters = sum(update.channels > 0 for update in scheme.values())
    biases = sum(update.bias for update in scheme.values())
    weights = {layer.index: layer.filter.elements for layer in prepare(converted.source).layers}
    trained = sum(weights[i] * update.channels / update.of for i, update in scheme.items())
    share = 100 * trained / sum(weights.values())
    percent = f"{share:.1f}" if 0 < share < 1 else f"{share:.0f}"
    return f"{_count(filters, 'filter', 's')}, {_count(biases, 'bias', 'es')}, {percent} %"


def cell(model: bytes, name: str, budget: int) -> str:
    """What a budget of so many bytes buys. Raises ConverterError for a model that cannot be
    converted for any other reason than the budget."""
    try:
        return _trained(converter.convert(model, budget, name=name))
    except ConverterError as error:
        needed = _NEEDS.search(str(error))
        if needed is None:
            raise
        return f"needs {_kibibytes(int(needed[1]))}"


def main() -> int:
    parser = arguments.parser(__doc__)
    parser.add_argument("--names", default=_NAMES, help="without .tflite")
    parser.add_argument("--budgets", type=parse_budgets, default=_BUDGETS, metavar="48k,64k")
    options = parser.parse_args()
    print("| model | " + " | ".join(map(_kibibytes, options.budgets)) + " |")
    print("|---" * (1 + len(options.budgets)) + "|")
    for name in options.names.split(","):
        path = options.models / f"{name}.tflite"
        if not path.exists():
            print(f"{path}: not there, left out", file=sys.stderr)
            continue
        cells = [cell(path.read_bytes(), name, budget) for budget in options.budgets]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
