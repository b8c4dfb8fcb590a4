"""NumPy twin of TRANSPOSE_CONV_INPUT_GRAD and TRANSPOSE_CONV_FILTER_UPDATE: the sums are those of
CONV_2D's gradients, over the taps that these options name."""

from __future__ import annotations

from kernels.conv_2d_grad.twin import filter_gradient, filter_update, input_grad

__all__ = ["filter_gradient", "filter_update", "input_grad"]
