"""The training operators on an emulated Cortex-M: bare-metal support and its Python side."""
