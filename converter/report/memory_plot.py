"""The memory map as a picture: operators from left to right, addresses upwards."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from converter.conversion import TrainingModel
from converter.report.memory_map import Block, Kind, MemoryMap, build_memory_map, bytes_in_use

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg", "pdf")

_COLORS = {
    Kind.INPUT_OUTPUT: "#b8b8b8",
    Kind.ACTIVATION: "#9ecae1",
    Kind.SAVED: "#3182bd",
    Kind.GRADIENT: "#fd8d3c",
    Kind.SCRATCH: "#c7e9c0",
}
_DARK = (Kind.SAVED,)
_TAIL_COLORS = (
    "#bcbddc", "#9e9ac8", "#807dba", "#cab2d6", "#dadaeb", "#efedf5", "#bcbddc", "#807dba",
)  # fmt: skip
# What TensorFlow puts behind the name of a layer in those of its tensors.
_OPERATIONS = {
    "BiasAdd", "Conv2D", "MatMul", "ReadVariableOp", "Relu", "Relu6", "depthwise", "resource",
}  # fmt: skip
_SIZE_INCHES = (14.0, 8.0)
_DPI = 130
_KIB = 1024
_LABEL_POINTS = 6.5
# Share of the letter height that its width is, for the font's average letter.
_LETTER = 0.58
# Parts of the tail below this share of the arena are not labelled.
_SMALL_PART = 0.012


def memory_map_image(converted: TrainingModel, image_format: str) -> bytes:
    """The map as a file of one of FORMATS. Draws without a display."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    found = build_memory_map(converted)
    # Names in an SVG come from a hash; a salt makes equal maps equal files. A '$' in the name of
    # a tensor starts no formula.
    with rc_context({"svg.hashsalt": "memory map", "text.parse_math": False}):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        head, arena = figure.subplots(1, 2, width_ratios=(12, 1))
        figure.suptitle(_title(converted, found), fontsize=11, x=0.01, ha="left")
        _draw_head(head, found)
        _draw_arena(arena, found)
        figure.canvas.draw()
        _label_blocks(head, found)
        content = io.BytesIO()
        metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(content, format=image_format, dpi=_DPI, metadata=metadata.get(image_format))
    return content.getvalue()


def _title(converted: TrainingModel, found: MemoryMap) -> str:
    arena = found.arena
    text = (
        f"{converted.source.name}: {arena.total:,} bytes of arena on {arena.target.name}, "
        f"head {arena.head:,} + tail {arena.tail:,}"
    )
    saved = converted.plan.unplanned.total - arena.total
    return text + (f" ({saved:,} less than unplanned)" if saved > 0 else "")


def _draw_head(axes: Axes, found: MemoryMap) -> None:
    from matplotlib.patches import Patch, Rectangle

    count = len(found.operators)
    for block in found.blocks:
        axes.add_patch(
            Rectangle(
                (block.first, block.offset / _KIB),
                block.last - block.first + 1,
                block.size / _KIB,
                facecolor=_COLORS[block.kind],
                edgecolor="white",
                linewidth=0.4,
            )
        )
    used = [bytes_in_use(found.blocks, i) / _KIB for i in range(count)]
    axes.step(
        range(count + 1), [*used, used[-1]], where="post", color="black", linewidth=0.8, alpha=0.8
    )
    axes.set_xlim(0, count)
    axes.set_ylim(0, max(found.arena.head, 1) / _KIB * 1.12)
    axes.set_xlabel("operator, in order of execution")
    axes.set_ylabel("offset in the head, KiB")
    _mark_phases(axes, found)
    _mark_peak(axes, found)
    kinds = [k for k in Kind if any(b.kind is k for b in found.blocks)]
    handles = [Patch(facecolor=_COLORS[kind], label=kind.value) for kind in kinds]
    handles.append(Patch(facecolor="black", label="bytes in use (line)"))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.07), ncols=len(handles),
        fontsize=8, frameon=False,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)


def _mark_phases(axes: Axes, found: MemoryMap) -> None:
    count, boundary = len(found.operators), found.backward
    top = axes.get_ylim()[1]
    axes.axvline(boundary, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(boundary / 2, top * 0.985, "forward", ha="center", va="top", fontsize=9)
    axes.text(
        (boundary + count) / 2, top * 0.985, "backward and update", ha="center", va="top",
        fontsize=9,
    )  # fmt: skip


def _mark_peak(axes: Axes, found: MemoryMap) -> None:
    count, peak = len(found.operators), found.peak
    axes.axvspan(peak, peak + 1, facecolor="none", edgecolor="#d62728", linewidth=1.2)
    left = peak < count / 2
    axes.annotate(
        f"peak: {found.operators[peak].name} ({peak}), {found.peak_bytes:,} bytes in use",
        (peak + 0.5, found.arena.head / _KIB),
        xytext=(14 if left else -14, 12),
        textcoords="offset points",
        ha="left" if left else "right",
        fontsize=8,
        color="#d62728",
        arrowprops={"arrowstyle": "-", "color": "#d62728", "linewidth": 0.8},
    )


def _label_blocks(axes: Axes, found: MemoryMap) -> None:
    """Name and size inside every block that has room for them."""
    box = axes.get_window_extent()
    figure = axes.get_figure()
    assert figure is not None
    points = 72 / figure.dpi
    wide = box.width * points / len(found.operators)  # points for one operator
    high = box.height * points / (axes.get_ylim()[1] * _KIB)  # points for one byte
    for block in found.blocks:
        width, height = (block.last - block.first + 1) * wide, block.size * high
        text = _label(block, width - 4, height)
        if text is not None:
            axes.text(
                (block.first + block.last + 1) / 2,
                (block.offset + block.size / 2) / _KIB,
                text,
                ha="center",
                va="center",
                rotation=90 if height > width else 0,
                fontsize=_LABEL_POINTS,
                color="white" if block.kind in _DARK else "black",
                clip_on=True,
            )


def _label(block: Block, width: float, height: float) -> str | None:
    """What fits into so many points, along the longer side, or None."""
    along, across = max(width, height - 4), min(width, height)
    if across < _LABEL_POINTS * 1.15:
        return None
    room = int(along / (_LABEL_POINTS * _LETTER))
    size = f"{block.size / _KIB:.1f}K"
    name = short_name(block.name, room - len(size) - 1)
    return f"{name} {size}" if name else (size if room >= len(size) else None)


def short_name(name: str, room: int) -> str:
    """The layer in the name of a tensor, in so many letters; '' if it is not worth it.

    Names are paths, of fused operators several with a ';' between.
    """
    name, _, role = name.split(";")[-1].partition("/gradient")
    parts = name.split("/")
    while len(parts) > 1 and parts[-1].rstrip("0123456789") in _OPERATIONS:
        parts.pop()
    while len(parts) > 1 and len("/".join(parts)) > room:
        parts.pop(0)
    short = "/".join(parts)
    if role and len(short) + len(" sum") <= room and role.startswith("_sum"):
        short += " sum"
    if len(short) <= room:
        return short
    return "\u2026" + short[-(room - 1) :] if room >= 6 else ""


def _draw_arena(axes: Axes, found: MemoryMap) -> None:
    """The whole arena as a stack: the head, then the parts of the tail."""
    arena = found.arena
    bottom = 0.0
    parts = [("head", arena.head, "#6baed6")]
    parts += [
        (name, size, color)
        for (name, size), color in zip(arena.tail_parts.items(), _TAIL_COLORS, strict=True)
    ]
    for name, size, color in parts:
        axes.bar(0, size / _KIB, bottom=bottom, width=1, color=color, edgecolor="white")
        if size > arena.total * _SMALL_PART:
            text = f"{name}\n{size / _KIB:.1f}K" if size > 0.04 * arena.total else name
            axes.text(0, bottom + size / _KIB / 2, text, ha="center", va="center", fontsize=6.5)
        bottom += size / _KIB
    axes.set_xlim(-0.5, 0.5)
    axes.set_ylim(0, arena.total / _KIB)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel("the whole arena, KiB")
    axes.spines[["top", "left", "bottom"]].set_visible(False)
