"""The bytes of a tensor as TFLite Micro counts them (TfLiteTypeSizeOf)."""

from __future__ import annotations

from converter.errors import ConverterError
from converter.model import Tensor
from converter.model.schema import schema

# Types that NumPy lacks. Packed int4 counts a byte per element, as the kernels unpack it.
_TYPE_BYTES = {
    schema.TensorType.INT4: 1,
    schema.TensorType.BFLOAT16: 2,
    schema.TensorType.RESOURCE: 4,
    schema.TensorType.COMPLEX64: 8,
    schema.TensorType.COMPLEX128: 16,
}


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that the arena holds for the tensor if it is planned or a variable.

    Raises ConverterError for a type that TFLite Micro does not have (string, ...).
    """
    if tensor.tensor_type is None:
        return tensor.bytes
    if tensor.tensor_type not in _TYPE_BYTES:
        raise ConverterError(f"tensor {tensor}: TFLite Micro has no such type")
    return tensor.elements * _TYPE_BYTES[tensor.tensor_type]
