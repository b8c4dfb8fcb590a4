"""Loading of the native extension and of the TFLite Micro library that it needs."""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import os
import platform
from pathlib import Path
from types import ModuleType


def _origin(module: str) -> Path:
    """The file of an installed module, without importing it."""
    specification = importlib.util.find_spec(module)
    if specification is None or specification.origin is None:
        raise ImportError(f"{module} is not installed: run pip install -e . in the project's root")
    return Path(specification.origin)


def library_path() -> Path:
    """The TFLite Micro host library of the installed xmos-ai-tools.

    Raises ImportError if the package or its library for this platform is missing.
    """
    package = _origin("xmos_ai_tools").parent
    path = package / "xinterpreters" / "libs" / "linux" / "xtflm_python.so"
    if platform.system() != "Linux" or not path.exists():
        raise ImportError(f"xmos-ai-tools has no TFLite Micro library here: {path} is missing")
    return path


@functools.cache
def runtime() -> ModuleType:
    """The extension `tflm_training._runtime`, loaded at the first call.

    `_debug_log` comes first: its DebugLog then takes the place of the library's, which
    would print TFLite Micro's errors to standard output. Raises ImportError.
    """
    try:
        for path in (_origin("tflm_training._debug_log"), library_path()):
            ctypes.CDLL(os.fspath(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ImportError(f"the TFLite Micro library does not load: {error}") from error
    return importlib.import_module("tflm_training._runtime")
