"""The plan as JSON, for scripts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from converter.conversion import TrainingModel
from converter.report.memory_map import memory_map
from converter.report.plan import LayerPlan


def scheme_entries(plans: list[LayerPlan]) -> list[dict[str, Any]]:
    """What is trained, as the `layers` of a scheme file (see converter.search.scheme)."""
    return [
        {
            "layer": p.layer.name,
            "op": p.layer.op,
            "bias": p.update.bias,
            "channels": p.update.channels,
            "of": p.update.of,
        }
        for p in plans
        if p.update is not None
    ]


def scheme_file(plans: list[LayerPlan]) -> bytes:
    """A file that `--update` takes, one layer a line."""
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in scheme_entries(plans))
    return f'{{"layers": [\n{lines}\n]}}\n'.encode()


def _operators(converted: TrainingModel, custom: bool) -> list[str]:
    operators = converted.training.model.graph.operators
    return sorted({op.name for op in operators if op.is_custom == custom})


def json_report(converted: TrainingModel, plans: list[LayerPlan]) -> dict[str, Any]:
    """The report that is written beside the training flatbuffer. Sizes are bytes."""
    head = converted.training.head
    return {
        "model": converted.source.name,
        "budget_bytes": converted.budget,
        "arena_bytes": converted.arena.total,
        "arena_is_exact": converted.arena.exact,
        "smallest_arena_bytes": converted.arena.smallest_arena,
        "arena_bytes_host": converted.arena_host.total,
        "flash_bytes": len(converted.flatbuffer),
        "macs": {
            "forward": sum(p.layer.macs for p in plans),
            "backward": sum(p.macs_backward for p in plans),
        },
        "gradient_bits": converted.lowering.gradient_bits,
        "weight_bits": converted.lowering.weight_bits,
        "accumulate": converted.lowering.accumulate,
        "loss": head.loss,
        "num_classes": head.num_classes,
        "update": scheme_entries(plans),
        "why": {p.layer.name: converted.why[p.layer.index] for p in plans if converted.why},
        "trials": [dataclasses.asdict(trial) for trial in converted.trials],
        "dead_channels": {
            p.layer.name: p.layer.dead_channels for p in plans if p.update and p.layer.dead_channels
        },
        "builtin_ops": _operators(converted, custom=False),
        "custom_ops": _operators(converted, custom=True),
        "memory": memory_map(converted),
    }
