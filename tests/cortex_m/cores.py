"""What the kernels are built for and run on."""

from __future__ import annotations

import pytest

from tools.cortex_m.build import CORES

for_each_core = pytest.mark.parametrize("core", CORES.values(), ids=CORES.keys())
for_each_dsp_core = pytest.mark.parametrize(
    "core", [pytest.param(core, id=name) for name, core in CORES.items() if core.has_dsp]
)
# A core and whether the kernels of the DSP extension are left out.
for_each_build = pytest.mark.parametrize(
    ("core", "reference"),
    [
        pytest.param(core, reference, id=f"{name}-{'plain' if reference else 'default'}")
        for name, core in CORES.items()
        for reference in ((False, True) if core.has_dsp else (False,))
    ],
)
