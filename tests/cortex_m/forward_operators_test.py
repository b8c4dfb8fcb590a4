"""What the benchmark of the forward convolutions replays."""

from __future__ import annotations

from benchmarks.forward_operators.__main__ import layers_of
from converter.conversion import convert
from examples.digits.demo import MODEL
from tools.cortex_m.build import CORES, build
from tools.cortex_m.emulator import replay


def test_layers_with_whole_filters_are_the_same_layers() -> None:
    core = CORES["cortex-m7"]
    layers = layers_of("digits", convert(MODEL.read_bytes(), 14 << 10).flatbuffer)
    assert {layer.here is layer.whole for layer in layers} == {True, False}
    for operators in ([x.here for x in layers], [x.whole for x in layers]):
        run = replay(build(core), core, operators)
        assert [operator.fault for operator in run.operators] == [None] * len(layers)
