"""Makefile_internal.inc, read as TFLM's makefile reads it.

The stub below has of that makefile what meets the fragment: the search under EXTERNAL_DIR, the
include between the sources and the rules, the include path, and the library's rules.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.linking.tflm import ROOT, firmware_sources, includes

_STUB = """
EXTERNAL_DIR :=
KERNEL_OBJDIR := gen/obj/kernels/
INCLUDES := -I. {includes}
ifneq ($(EXTERNAL_DIR),)
  INCLUDES += -I$(EXTERNAL_DIR)
endif
MICROLITE_CC_KERNEL_SRCS := own_kernel.cc
recursive_find = $(wildcard $(1)$(2)) $(foreach dir,$(wildcard $(1)*),\\
  $(call recursive_find,$(dir)/,$(2)))
ifneq ($(EXTERNAL_DIR),)
  EXAMPLES += $(call recursive_find,$(EXTERNAL_DIR)/,Makefile_internal.inc)
endif

all: libtensorflow-microlite.a
include $(EXAMPLES)

OBJS := $(addprefix $(KERNEL_OBJDIR),$(patsubst %.cc,%.o,$(MICROLITE_CC_KERNEL_SRCS)))
$(KERNEL_OBJDIR)%.o: %.cc
	@mkdir -p $(dir $@)
	$(CXX) -std=c++17 -O0 -Dtflite=tflite_micro $(INCLUDES) -c $< -o $@
libtensorflow-microlite.a: $(OBJS)
	$(AR) -r $@ $(OBJS)
list_library_sources:
	@echo $(MICROLITE_CC_KERNEL_SRCS)
"""


@pytest.fixture
def tflm(tmp_path: Path) -> Path:
    """A folder with the stub and a kernel of its own."""
    flags = " ".join(f"-isystem {folder}" for folder in includes())
    (tmp_path / "Makefile").write_text(_STUB.format(includes=flags))
    (tmp_path / "own_kernel.cc").write_text("int OwnKernel() { return 1; }\n")
    return tmp_path


def _make(folder: Path, *arguments: str) -> str:
    command = ["make", "-s", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def _listed(sources: str, folder: Path) -> set[str]:
    names = set(sources.split())
    assert "own_kernel.cc" in names
    return {os.path.relpath(folder / name, ROOT) for name in names - {"own_kernel.cc"}}


def test_without_external_dir_nothing_changes(tflm: Path) -> None:
    assert _make(tflm, "list_library_sources").split() == ["own_kernel.cc"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_sources_are_the_firmware_s(tflm: Path, slash: str) -> None:
    listed = _make(tflm, f"EXTERNAL_DIR={ROOT}{slash}", "list_library_sources")
    assert _listed(listed, tflm) == firmware_sources()


def test_a_relative_external_dir(tflm: Path) -> None:
    (tflm / "external").symlink_to(ROOT)
    listed = _make(tflm, "EXTERNAL_DIR=external", "list_library_sources").split()
    assert len(listed) == 1 + len(firmware_sources())
    assert "external/kernels/bias_update/bias_update.cc" in listed


def test_an_object_compiles_by_tflm_s_rule(tflm: Path) -> None:
    source = ROOT / "kernels" / "bias_update" / "bias_update_op.cc"
    target = f"gen/obj/kernels/{source.with_suffix('.o')}"
    _make(tflm, f"EXTERNAL_DIR={ROOT}", target)
    symbols = subprocess.run(["nm", "-C", tflm / target], capture_output=True, text=True).stdout
    assert "tflm_training::Register_BIAS_UPDATE()" in symbols


def test_make_sources_prints_the_same_list() -> None:
    assert set(_make(ROOT, "sources").split()) == firmware_sources()
