"""A conversion as one HTML page: plan, costs and memory map.

The page needs nothing but itself: no script, no font, no file from elsewhere.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from converter.conversion import TrainingModel
from converter.report.json_report import json_report
from converter.report.memory_map import build_memory_map
from converter.report.memory_plot import memory_map_image, short_name
from converter.report.plan import LayerPlan, layer_plans
from converter.rules.convolution import UNNORMALISED_INPUT
from converter.search.trials import EPOCHS

SUFFIX = ".html"
_TEMPLATE = "report.html"
_KIB = 1024
_TENSOR_NAME = 60  # letters of a tensor's name; the map shortens them the same way
# What belongs to a file of its own: metadata, namespaces, a size on paper; and comments.
_STANDALONE = re.compile(
    r"<metadata>.*?</metadata>|<!--.*?-->|(?<=\s)(?:xmlns(?::\w+)?|version)=\"[^\"]*\""
    r"|(?<=\s)(?:width|height)=\"[\d.]+pt\"",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Bar:
    """What one layer costs, as shares of the largest in its column, in percent."""

    plan: LayerPlan
    forward: float
    backward: float
    saved: float


def html_report(converted: TrainingModel) -> bytes:
    """The page in UTF-8; equal conversions give equal bytes."""
    plans = layer_plans(converted)
    found = build_memory_map(converted)
    alive = [block for block in found.blocks if block.is_alive(found.peak)]
    page = _environment().get_template(_TEMPLATE)
    text = page.render(
        report=json_report(converted, plans),
        plans=plans,
        why=converted.why,
        bars=_bars(plans),
        trained=[plan for plan in plans if plan.update is not None],
        unnormalised=[p for p in plans if p.update and p.layer.input_range > UNNORMALISED_INPUT],
        unknown_operators=sorted(set(converted.arena.unknown_operators)),
        trials=sorted(converted.trials, key=lambda trial: -trial.score),
        trial_epochs=EPOCHS,
        map=found,
        at_peak=sorted(alive, key=lambda block: -block.size),
        picture=_inline(memory_map_image(converted, "svg").decode()),
    )
    return text.encode("utf-8", "replace")


def _environment() -> Environment:
    # Names of layers and of the model come from the user's file and may look like markup.
    environment = Environment(
        loader=PackageLoader("converter.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["short"] = _short
    environment.filters["kib"] = lambda value: f"{value / _KIB:,.1f} KiB"
    return environment


def _short(name: str) -> str:
    """Of a tensor: its layer, and whether it is the scale of a gradient."""
    owner = name.removesuffix("_scale")
    short = short_name(owner, _TENSOR_NAME)
    return short if owner == name else f"{short} (scale)"


def _bars(plans: list[LayerPlan]) -> list[Bar]:
    most_macs = _largest(plan.layer.macs + plan.macs_backward for plan in plans)
    most_saved = _largest(plan.saved_bytes for plan in plans)
    return [
        Bar(
            plan=plan,
            forward=100 * plan.layer.macs / most_macs,
            backward=100 * plan.macs_backward / most_macs,
            saved=100 * plan.saved_bytes / most_saved,
        )
        for plan in plans
    ]


def _largest(values: Iterable[int]) -> int:
    """At least 1, to divide by."""
    return max(1, *values)


def _inline(svg: str) -> Markup:
    """A picture of matplotlib's as an element of the page, which gives it its size.

    Safe as markup: matplotlib draws text as paths and escapes it in comments."""
    element = _STANDALONE.sub("", svg[svg.index("<svg") :])
    return Markup(element.replace("<svg", '<svg role="img" aria-labelledby="map-caption"', 1))
