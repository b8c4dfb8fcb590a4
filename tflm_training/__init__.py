"""Training of int8 models with TFLite Micro's interpreter, on this computer."""

from tflm_training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from tflm_training.data import DataError
from tflm_training.history import History, Progress
from tflm_training.replay import replayed_indices
from tflm_training.trainer import Trainer

__all__ = [
    "Callback",
    "DataError",
    "EarlyStopping",
    "History",
    "ModelCheckpoint",
    "Progress",
    "Trainer",
    "replayed_indices",
]
