"""The training kernels: C++ for TFLite Micro, each with a bit-exact NumPy twin."""
