"""A core that cannot be emulated here: everything that firmware links compiles for it."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.linking.tflm import ROOT, firmware_sources, includes
from tools.cortex_m.build import WARNINGS, jobs

_FLAGS = ("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft", "-std=c++17")
_FLAGS += ("-fno-exceptions", "-fno-rtti", "-Dtflite=tflite_micro", *WARNINGS, "-I.")


def test_everything_compiles_for_a_cortex_m0_plus(tmp_path: Path) -> None:
    headers = [word for folder in includes() for word in ("-isystem", str(folder))]

    def compiled(source: str) -> str:
        made = tmp_path / source.replace("/", "_")
        command = ["arm-none-eabi-g++", *_FLAGS, *headers, "-S", source, "-o", str(made)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:4000]
        return made.read_text()

    with ThreadPoolExecutor(jobs()) as pool:
        text = "".join(pool.map(compiled, sorted(firmware_sources())))
    # The plain kernels are there.
    for name in ("Conv2DInputGrad", "DepthwiseConv2DFilterUpdate", "TrainingConv2D"):
        assert f"13tflm_training{len(name)}{name}E" in text
