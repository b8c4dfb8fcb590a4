"""What a training flatbuffer carries for checkpoints and for the way back.

`tflm_training_id`, 16 bytes: the first 16 of the SHA-256 of the flatbuffer written with zeros in
their place. It stands in every checkpoint, so that weights of another model, or of another
conversion of the same one, are told apart at the price of comparing 16 bytes.

`tflm_training` gets `pads`: the outputs of the convolutions that a PAD was folded into. All else
that `converter.merge` needs can be read off the graph.
"""

from __future__ import annotations

import hashlib
import json

from converter.model import write_model
from converter.passes.training_graph import METADATA_NAME, TrainingGraph

MODEL_ID_NAME = "tflm_training_id"
MODEL_ID_BYTES = 16


def seal(training: TrainingGraph) -> bytes:
    """The training flatbuffer with its final metadata; `training.model` gets them too."""
    metadata = training.model.metadata
    description = json.loads(metadata[METADATA_NAME])
    description["pads"] = [op.output.name for op in training.forward if op.padding is not None]
    metadata[METADATA_NAME] = json.dumps(description).encode()
    metadata[MODEL_ID_NAME] = bytes(MODEL_ID_BYTES)
    metadata[MODEL_ID_NAME] = hashlib.sha256(write_model(training.model)).digest()[:MODEL_ID_BYTES]
    return write_model(training.model)
