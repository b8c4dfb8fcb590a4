"""The one exception that a user of the converter sees."""


class ConverterError(ValueError):
    """A model, scheme or budget that cannot be converted.

    The message is one line that names the operator, the tensor and the constraint, and
    says what to do about it. The command line prints it and exits with status 1.
    """


class NoGradientError(ConverterError):
    """The trained part holds an operator that cannot be differentiated or updated."""
