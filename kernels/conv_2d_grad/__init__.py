"""Gradients of CONV_2D and FULLY_CONNECTED."""
