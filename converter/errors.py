"""The exceptions that a user of the converter sees."""

from __future__ import annotations

_LONGEST_REASON = 200


class ConverterError(ValueError):
    """A model, scheme or budget that cannot be converted.

    The message is one line that names the operator, the tensor and the constraint, and
    says what to do about it. The command line prints it and exits with status 1.
    """


class NoGradientError(ConverterError):
    """The trained part holds an operator that cannot be differentiated or updated."""


def reason_of(error: Exception) -> str:
    """Somebody else's error in one line, not too long, for a message of our own."""
    return " ".join((str(error) or type(error).__name__).split())[:_LONGEST_REASON]
