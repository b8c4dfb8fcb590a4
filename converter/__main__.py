"""Command line of the converter: `python -m converter model.tflite --budget 256k`."""

from __future__ import annotations

import sys

from converter.cli import main

if __name__ == "__main__":
    sys.exit(main())
