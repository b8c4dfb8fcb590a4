"""Update schemes: which layers train their bias, and how many channels of their filter.

`--update` takes `all`, `last:K`, `bias:K`, or the path of a JSON scheme file:

    {"layers": [{"layer": "block_5/conv", "bias": true, "channels": 24},
                {"layer": 12, "bias": true}]}

`layer` is a name or an index of the plan that the converter prints; `channels` (default 0)
the number of channels whose weights are trained, or "all". Layers that are not listed are
frozen.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from converter.errors import ConverterError
from converter.ir.layers import Layer
from converter.model.graph import shown
from converter.rules.rule import LayerUpdate

Scheme = dict[int, LayerUpdate]
"""Layer index -> what it trains; frozen layers are absent."""

AUTO = "auto"
_USAGE = "use all, last:K, bias:K, auto or a JSON scheme file"


def last(layers: list[Layer], count: int) -> Scheme:
    """Weights and biases of the last `count` layers."""
    return {layer.index: layer.full_update() for layer in layers[len(layers) - count :]}


def parse_scheme(specification: str, layers: list[Layer]) -> Scheme:
    """The scheme that an `--update` argument other than `auto` names.

    Raises ConverterError for unknown words, layers and channel counts.
    """
    if specification == "all":
        return last(layers, len(layers))
    kind, _, count = specification.partition(":")
    if kind in ("last", "bias"):
        number = _count(specification, count, len(layers))
        if kind == "last":
            return last(layers, number)
        chosen = [layer for layer in layers[-number:] if layer.bias is not None]
        if not chosen:
            raise ConverterError(f"--update {specification}: none of these layers has a bias")
        return {layer.index: layer.bias_update() for layer in chosen}
    if specification.endswith(".json"):
        return _read_file(Path(specification), layers)
    raise ConverterError(f"--update {specification}: unknown; {_USAGE}")


def _count(specification: str, text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ConverterError(
            f"--update {specification}: K must be between 1 and {most}, the number of layers"
        )
    return int(text)


def _read_file(path: Path, layers: list[Layer]) -> Scheme:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConverterError(f"--update {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConverterError(f"--update {path}: not JSON ({error})") from error
    entries = content.get("layers") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConverterError(f'--update {path}: expected {{"layers": [...]}} with a layer or more')
    scheme: Scheme = {}
    for entry in entries:
        layer = _find_layer(path, entry, layers)
        update = _layer_update(path, entry, layer)
        if layer.index in scheme:
            raise ConverterError(f"--update {path}: layer {layer.name} is listed twice")
        if not update.is_frozen:
            scheme[layer.index] = update
    if not scheme:
        raise ConverterError(f"--update {path}: every layer is frozen; nothing would be trained")
    return scheme


def _find_layer(path: Path, entry: Any, layers: list[Layer]) -> Layer:
    wanted = entry.get("layer") if isinstance(entry, dict) else None
    for layer in layers:
        if wanted == layer.name or (type(wanted) is int and wanted == layer.index):
            return layer
    raise ConverterError(
        f"--update {path}: no layer {shown(repr(wanted))}; the model has 0 ({layers[0].name}) to "
        f"{len(layers) - 1} ({layers[-1].name})"
    )


def _layer_update(path: Path, entry: dict[str, Any], layer: Layer) -> LayerUpdate:
    unknown = set(entry) - {"layer", "op", "bias", "channels", "of"}
    if unknown:
        key = shown(repr(min(unknown)))
        raise ConverterError(f"--update {path}: layer {layer.name}: unknown key {key}")
    bias = entry.get("bias", False)
    channels = entry.get("channels", 0)
    if channels == "all":
        channels = layer.channels
    if type(bias) is not bool:
        raise ConverterError(f"--update {path}: layer {layer.name}: bias must be true or false")
    if bias and layer.bias is None:
        raise ConverterError(f"--update {path}: layer {layer.name} has no bias to train")
    if type(channels) is not int or not 0 <= channels <= layer.channels:
        raise ConverterError(
            f"--update {path}: layer {layer.name}: channels must be 0 to {layer.channels} or 'all'"
        )
    if entry.get("of", layer.channels) != layer.channels:
        raise ConverterError(
            f"--update {path}: layer {layer.name} has {layer.channels} channels, "
            f"not {shown(repr(entry['of']))}"
        )
    return LayerUpdate(bias=bias, channels=channels, of=layer.channels)
