"""Gradients of TRANSPOSE_CONV."""
