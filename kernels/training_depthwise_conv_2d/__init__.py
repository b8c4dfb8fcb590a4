"""DEPTHWISE_CONV_2D of a training graph."""
