"""`python -m tflm_training`."""

import sys

from tflm_training.cli import main

if __name__ == "__main__":
    sys.exit(main())
