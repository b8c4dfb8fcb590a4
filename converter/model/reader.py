"""Reads a TFLite flatbuffer into the object graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.errors import ConverterError, reason_of
from converter.model.check import check_model
from converter.model.graph import Graph, Model, Operator, Quantization, Signature, Tensor
from converter.model.schema import DTYPES, FILE_IDENTIFIER, OPERATOR_NAMES, schema

# int32 [version, subgraph, number of tensors, offset of each]: by their indices in the file.
_PLAN = "OfflineMemoryAllocation"
_PLAN_HEAD = 3


def read_model(data: bytes, name: str = "model", keep_plan: bool = False) -> Model:
    """Read a flatbuffer. `name` is used in messages only. keep_plan: keep its memory plan, which
    no edit of the graph survives, brought to the order of `Graph.tensors()`.

    Raises ConverterError if the bytes are not a TFLite flatbuffer with one subgraph, or if what
    they describe makes no sense (see converter.model.check).
    """
    if len(data) < 8 or data[4:8] != FILE_IDENTIFIER:
        raise ConverterError(f"{name}: not a TFLite flatbuffer (identifier 'TFL3' is missing)")
    try:
        root = schema.Model.GetRootAs(data, 0)
        subgraphs = root.SubgraphsLength()
        if subgraphs != 1:
            codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
            if any(code.BuiltinCode() == schema.BuiltinOperator.VAR_HANDLE for code in codes):
                raise ConverterError(
                    f"{name}: keeps its state in resource variables (VAR_HANDLE), which need a "
                    "second subgraph; convert the model that takes the whole input at once, "
                    "without state, whose weights are the same"
                )
            raise ConverterError(
                f"{name}: {subgraphs} subgraphs; only models with one can be trained (control "
                "flow has no gradient rule)"
            )
        model = _model(schema.ModelT.InitFromPackedBuf(data, 0), name, keep_plan)
        check_model(model, name)
        return model
    except ConverterError:
        raise
    except Exception as error:  # the schema's code raises many kinds on a damaged file
        raise ConverterError(f"{name}: damaged TFLite flatbuffer ({reason_of(error)})") from error


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _model(packed: Any, name: str, keep_plan: bool) -> Model:
    subgraph = packed.subgraphs[0]
    tensors = [_tensor(t, packed.buffers, name) for t in subgraph.tensors or []]
    codes = packed.operatorCodes
    operators = [_operator(o, codes, tensors, name) for o in subgraph.operators or []]
    graph = Graph(
        inputs=_at(tensors, subgraph.inputs),
        outputs=_at(tensors, subgraph.outputs),
        operators=operators,
        name=_text(subgraph.name) or "main",
    )
    metadata = {
        _text(m.name): bytes(_buffer(packed.buffers[m.buffer])) for m in packed.metadata or []
    }
    plan = metadata.pop(_PLAN, None)
    if keep_plan and plan is not None:
        metadata[_PLAN] = _renumbered(plan, tensors, graph.tensors())
    return Model(
        graph=graph,
        description=_text(packed.description),
        metadata=metadata,
        signatures=[_signature(s, tensors) for s in packed.signatureDefs or []],
    )


def _renumbered(plan: bytes, tensors: list[Tensor], order: list[Tensor]) -> bytes:
    """A memory plan for the tensors of a file, for the same tensors in another order."""
    words = np.frombuffer(plan, "<i4")
    if words.size != _PLAN_HEAD + len(tensors):
        raise ValueError(f"a memory plan of {words.size} numbers for {len(tensors)} tensors")
    offsets = {id(t): offset for t, offset in zip(tensors, words[_PLAN_HEAD:], strict=True)}
    head = np.array([*words[: _PLAN_HEAD - 1], len(order)], "<i4")
    return np.append(head, np.array([offsets[id(t)] for t in order], "<i4")).tobytes()


def _buffer(buffer: Any) -> np.ndarray:
    if buffer.data is None:
        return np.zeros(0, np.uint8)
    return np.asarray(buffer.data, np.uint8)


def _tensor(packed: Any, buffers: list[Any], model_name: str) -> Tensor:
    dtype = DTYPES.get(packed.type)
    shape = () if packed.shape is None else tuple(int(d) for d in packed.shape)
    tensor = Tensor(
        name=_text(packed.name),
        shape=shape,
        dtype=dtype or np.dtype(np.uint8),
        quantization=_quantization(packed.quantization),
        is_variable=bool(packed.isVariable),
        shape_signature=None
        if packed.shapeSignature is None
        else tuple(int(d) for d in packed.shapeSignature),
        tensor_type=None if dtype else packed.type,
    )
    raw = _buffer(buffers[packed.buffer])
    if raw.size:
        if dtype is None:
            tensor.data = raw.copy()
        elif raw.size != tensor.bytes:
            raise ConverterError(
                f"{model_name}: tensor {tensor} needs {tensor.bytes} bytes but its buffer "
                f"holds {raw.size}; the file is damaged"
            )
        else:
            tensor.data = raw.view(dtype).reshape(shape).copy()
    return tensor


def _quantization(packed: Any) -> Quantization | None:
    if packed is None or packed.scale is None or len(packed.scale) == 0:
        return None
    scale = np.asarray(packed.scale, np.float32)
    if packed.zeroPoint is None or len(packed.zeroPoint) == 0:
        zero_point = np.zeros(1, np.int64)
    else:
        zero_point = np.asarray(packed.zeroPoint, np.int64)
    return Quantization(scale, zero_point, int(packed.quantizedDimension))


def _operator(packed: Any, codes: list[Any], tensors: list[Tensor], model_name: str) -> Operator:
    code = codes[packed.opcodeIndex]
    # Files older than builtin_code (int32) hold the number in deprecated_builtin_code (int8).
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    is_custom = number == schema.BuiltinOperator.CUSTOM
    if number not in OPERATOR_NAMES:
        raise ConverterError(
            f"{model_name}: operator code {number} is unknown: the file is damaged or too new"
        )
    options = packed.customOptions
    return Operator(
        name=_text(code.customCode) if is_custom else OPERATOR_NAMES[number],
        inputs=[None if i == -1 else _at(tensors, [i])[0] for i in _indices(packed.inputs)],
        outputs=_at(tensors, packed.outputs),
        options=packed.builtinOptions,
        options_type=packed.builtinOptionsType,
        options_2=packed.builtinOptions2,
        options_2_type=packed.builtinOptions2Type,
        custom_options=None if options is None else bytes(np.asarray(options, np.uint8)),
        is_custom=is_custom,
        version=code.version,
        intermediates=_at(tensors, packed.intermediates),
    )


def _indices(values: Any) -> list[int]:
    return [] if values is None else [int(v) for v in values]


def _at(tensors: list[Tensor], indices: Any) -> list[Tensor]:
    """The tensors of these indices, which do not count from the end."""
    if any(i < 0 for i in _indices(indices)):
        raise IndexError(f"there is no tensor {min(indices)}")
    return [tensors[i] for i in _indices(indices)]


def _signature(packed: Any, tensors: list[Tensor]) -> Signature:
    return Signature(
        key=_text(packed.signatureKey),
        inputs={_text(m.name): _at(tensors, [m.tensorIndex])[0] for m in packed.inputs or []},
        outputs={_text(m.name): _at(tensors, [m.tensorIndex])[0] for m in packed.outputs or []},
    )
