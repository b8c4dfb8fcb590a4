"""The commands of `python -m tflm_training`, one module each.

A command has `add_parser(subparsers)`, which adds its parser and sets the default `run`
to a function of the parsed arguments.
"""

from tflm_training.commands import device, evaluate, inspect, merge, train

COMMANDS = (train, evaluate, merge, inspect, device)
