"""CONV_2D and FULLY_CONNECTED of a training graph."""
