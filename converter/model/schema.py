"""The TFLite flatbuffer schema, and the names of its enumerations."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"


def _names(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if not k.startswith("_")}


OPERATOR_NAMES = _names(schema.BuiltinOperator)
OPERATOR_CODES = {name: code for code, name in OPERATOR_NAMES.items()}
TENSOR_TYPE_NAMES = _names(schema.TensorType)

DTYPES: dict[int, np.dtype] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.FLOAT64: np.dtype(np.float64),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.UINT16: np.dtype(np.uint16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.UINT32: np.dtype(np.uint32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.UINT64: np.dtype(np.uint64),
    schema.TensorType.BOOL: np.dtype(np.bool_),
}
TENSOR_TYPES = {dtype: code for code, dtype in DTYPES.items()}

__all__ = [
    "DTYPES",
    "FILE_IDENTIFIER",
    "OPERATOR_CODES",
    "OPERATOR_NAMES",
    "TENSOR_TYPES",
    "TENSOR_TYPE_NAMES",
    "schema",
]
