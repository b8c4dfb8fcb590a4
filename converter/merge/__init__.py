"""The way back: from a training flatbuffer and its trained weights to an inference model."""
