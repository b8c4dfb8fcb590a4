"""The flash that the training operators take, room by room.

    python -m examples.stm32f746.size_report --model MODEL.tflite --root FOLDER OBJECT...

Counts what the linker keeps of the object files (code, constants and initialised data): of
everything that they export, of the operators of the model, and of those that MCUNet needs.
Checkpoints and training sessions (tflm_training/) are needed by none of them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from examples.stm32f746.model_source import operators

# The training operators of MCUNet with the sparse update of benchmarks/schemes/mcunet_49kb.json,
# its convolutions included, and the flash that they may take.
MCUNET_OPS = (
    "AVERAGE_POOL_2D_GRAD",
    "BIAS_UPDATE",
    "CONV_2D_FILTER_UPDATE",
    "CONV_2D_INPUT_GRAD",
    "DEPTHWISE_CONV_2D_INPUT_GRAD",
    "GRADIENT_ADD",
    "INITIALIZE_VARIABLES",
    "SOFTMAX_CROSS_ENTROPY",
    "TRAINING_CONV_2D",
    "TRAINING_DEPTHWISE_CONV_2D",
)
MCUNET_LIMIT = 24 * 1024

# A section that was kept, in the linker's map: " .text.name  0xaddress  0xsize  file.o".
_KEPT = re.compile(r"^ \.(?:text|rodata|data)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)$", re.M)


def kept_bytes(linker: str, objects: Sequence[Path], keep: Sequence[str]) -> dict[Path, int]:
    """Bytes of each object that are left after a partial link with these options."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        command = [linker, "-r", "--gc-sections", *keep, "-Map", str(out / "map")]
        command += ["-o", str(out / "all.o"), *map(str, objects)]
        subprocess.run(command, check=True)
        text = (out / "map").read_text()
    kept = dict.fromkeys(objects, 0)
    # Long names of sections end their line.
    text = re.sub(r"^( \.\S+)\n", r"\1", text[text.index("Linker script") :], flags=re.M)
    for size, name in _KEPT.findall(text):
        kept[Path(name)] += int(size, 16)
    return kept


def registrations(custom_codes: Sequence[str]) -> list[str]:
    """The linker's options that keep these operators and what they use."""
    names = [f"Register_{code}" for code in custom_codes]
    return [f"--undefined=_ZN13tflm_training{len(name)}{name}Ev" for name in names]


def by_room(kept: dict[Path, int], root: Path) -> dict[str, int]:
    """The bytes of each folder of sources."""
    rooms: dict[str, int] = {}
    for path, size in kept.items():
        room = str(path.relative_to(root).parent)
        rooms[room] = rooms.get(room, 0) + size
    return rooms


def table(everything: dict[str, int], model: dict[str, int], mcunet: int) -> str:
    """The report: a line for each room, the totals, and MCUNet's beside its limit."""
    lines = [f"{'flash, bytes':<40}{'all':>10}{'model':>10}"]
    for room in sorted(everything):
        lines.append(f"{room:<40}{everything[room]:>10}{model[room] or '-':>10}")
    lines.append(f"{'total':<40}{sum(everything.values()):>10}{sum(model.values()):>10}")
    percent = 100 * mcunet / MCUNET_LIMIT
    lines.append(f"what MCUNet needs: {mcunet} bytes, {percent:.0f} % of {MCUNET_LIMIT}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--linker", default="arm-none-eabi-ld")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="what rooms are named from")
    parser.add_argument("objects", type=Path, nargs="+")
    arguments = parser.parse_args()

    def rooms(keep: Sequence[str]) -> dict[str, int]:
        kept = kept_bytes(arguments.linker, arguments.objects, keep)
        return by_room(kept, arguments.root)

    custom_codes = operators(arguments.model.read_bytes())[1]
    mcunet = sum(rooms(registrations(MCUNET_OPS)).values())
    print(table(rooms(["--gc-keep-exported"]), rooms(registrations(custom_codes)), mcunet))
    return 0


if __name__ == "__main__":
    sys.exit(main())
