"""The flash that the training operators take, room by room.

    python -m examples.stm32f746.size_report --model MODEL.tflite --root FOLDER OBJECT...

Counts whole object files (code, constants and data, before the linker drops anything): of an
operator those that its registration reaches, of the session all.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path

from examples.stm32f746.model_source import operators

# What the sparse update of MCUNet runs on, and the flash that it may take.
MCUNET_OPS = (
    "INITIALIZE_VARIABLES",
    "SOFTMAX_CROSS_ENTROPY",
    "CONV_2D_INPUT_GRAD",
    "CONV_2D_FILTER_UPDATE",
    "DEPTHWISE_CONV_2D_INPUT_GRAD",
    "DEPTHWISE_CONV_2D_FILTER_UPDATE",
    "BIAS_UPDATE",
    "AVERAGE_POOL_2D_GRAD",
    "MEAN_GRAD",
    "GRADIENT_ADD",
    "TRAINING_CONV_2D",
    "TRAINING_DEPTHWISE_CONV_2D",
)
MCUNET_LIMIT = 24 * 1024


@dataclasses.dataclass(frozen=True)
class Object:
    """An object file: the room it belongs to, its bytes, the symbols it has and wants."""

    room: str
    size: int
    defined: frozenset[str]
    undefined: frozenset[str]


def read_object(path: Path, root: Path, tools: str) -> Object:
    """Size and symbols as `size` and `nm` of the tool chain print them."""
    columns = _run(f"{tools}size", str(path)).splitlines()[1].split()
    defined, undefined = set(), set()
    for line in _run(f"{tools}nm", str(path)).splitlines():
        kind, name = line.split()[-2:]
        (undefined if kind == "U" else defined).add(name)
    return Object(
        str(path.relative_to(root).parent),
        int(columns[0]) + int(columns[1]),
        frozenset(defined),
        frozenset(undefined),
    )


def reached(objects: list[Object], custom_codes: list[str]) -> list[Object]:
    """The objects that the registrations of these operators need, directly or not."""
    wanted = {f"Register_{code}Ev" for code in custom_codes}
    found: list[Object] = []
    rest = list(objects)
    while True:
        new = [o for o in rest if any(_names(symbol, wanted) for symbol in o.defined)]
        if not new:
            return found
        found += new
        rest = [o for o in rest if o not in new]
        wanted = {symbol for o in new for symbol in o.undefined}


def _names(symbol: str, wanted: set[str]) -> bool:
    # A mangled name has the length of the next part in front: "...19Register_BIAS_UPDATEEv".
    return symbol in wanted or symbol[symbol.find("Register_") :] in wanted


def report(objects: list[Object], model_codes: list[str]) -> str:
    """The table: every room, then what this model and MCUNet need."""
    rooms: dict[str, int] = {}
    for entry in objects:
        rooms[entry.room] = rooms.get(entry.room, 0) + entry.size
    model = reached(objects, model_codes)
    mcunet = reached(objects, list(MCUNET_OPS))
    in_model = {entry.room for entry in model}
    lines = [f"{'flash, bytes':<42}{'all':>8}{'model':>8}"]
    for room, size in sorted(rooms.items()):
        lines.append(f"{room:<42}{size:>8}{_sum(model, room) if room in in_model else '-':>8}")
    lines.append(f"{'total':<42}{sum(rooms.values()):>8}{_sum(model):>8}")
    percent = 100 * _sum(mcunet) / MCUNET_LIMIT
    lines.append(
        f"what MCUNet needs: {_sum(mcunet)} bytes, {percent:.0f} % of the {MCUNET_LIMIT} set for it"
    )
    return "\n".join(lines)


def _sum(objects: list[Object], room: str | None = None) -> int:
    return sum(entry.size for entry in objects if room in (None, entry.room))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--tools", default="arm-none-eabi-", help="prefix of size and nm")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="what rooms are named from")
    parser.add_argument("objects", type=Path, nargs="+")
    arguments = parser.parse_args()
    found = [read_object(path, arguments.root, arguments.tools) for path in arguments.objects]
    print(report(found, operators(arguments.model.read_bytes())[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
