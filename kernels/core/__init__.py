"""Arithmetic and checks that all training kernels share."""
