"""Hostile variants of a file that are well-formed but wrong."""

from __future__ import annotations

import random
from typing import Any

import flatbuffers
import numpy as np

from converter.model.schema import schema
from tests.fuzz.byte_mutations import BYTE_MUTATIONS, INTEGERS, LARGEST_INTEGERS, words_replaced

_FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-38, 1e-9, 1e9, 3e38)
_NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))
_TEXTS = (
    *("", "label", "loss", "train", "random_state", "TRAINING_CONV_2D", "INITIALIZE_VARIABLES"),
    *("two\nlines", "\x1b[31m\x07", "[/bold]", "$\\frac{$", "<script>", "%s{0}", "../../etc"),
    *("é\0é", "x" * 70000, "/", "//", "a/" * 40),
)
# Which part of a model a mutation changes, and how often.
_PARTS = {
    "tensor": 30,
    "quantization": 14,
    "operator": 20,
    "options": 16,
    "code": 4,
    "buffer": 4,
    "subgraph": 6,
    "model": 3,
    "metadata": 2,
    "signature": 1,
}


def restructured(rng: random.Random, data: bytes) -> bytes:
    """A well-formed flatbuffer of a model that is wrong in one to six places."""
    while True:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            part = rng.choices(list(_PARTS), list(_PARTS.values()))[0]
            subject = _find(rng, model, part)
            if subject is not None:
                change(rng, subject)
        try:
            return pack(model)
        except (TypeError, ValueError, AttributeError, AssertionError, OverflowError):
            continue  # a number that its field cannot hold: there is no such file


def pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _find(rng: random.Random, model: Any, part: str) -> Any:
    graphs = model.subgraphs or []
    tensors = [t for g in graphs for t in g.tensors or []]
    operators = [o for g in graphs for o in g.operators or []]
    found = {
        "tensor": tensors,
        "quantization": [t.quantization for t in tensors if t.quantization is not None],
        "operator": operators,
        "options": [o.builtinOptions for o in operators if o.builtinOptions is not None],
        "code": model.operatorCodes or [],
        "buffer": model.buffers or [],
        "subgraph": graphs,
        "model": [model],
        "metadata": model.metadata or [],
        "signature": model.signatureDefs or [],
    }[part]
    return rng.choice(found) if found else None


def change(rng: random.Random, subject: Any) -> None:
    """Change one attribute of an object of the schema."""
    name = rng.choice([n for n, value in vars(subject).items() if value is not None] or [""])
    if name:
        setattr(subject, name, changed(rng, getattr(subject, name)))


def changed(rng: random.Random, value: Any) -> Any:
    """Another value, mostly of the same type."""
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, (int, np.integer)):
        return _integer(rng, int(value))
    if isinstance(value, (float, np.floating)):
        return _float(rng, float(value))
    if isinstance(value, (str, bytes)):
        return rng.choice((rng.choice(_TEXTS), rng.randbytes(5), None))
    if isinstance(value, np.ndarray):
        return _array(rng, value)
    if isinstance(value, list):
        return _list(rng, value)
    if rng.random() < 0.2:
        return None
    change(rng, value)
    return value


def _integer(rng: random.Random, value: int) -> int:
    near = (value + 1, value - 1, 2 * value, -value, value + 7)
    return rng.choice((*near, *near, *INTEGERS, *LARGEST_INTEGERS))


def _float(rng: random.Random, value: float) -> float:
    return rng.choice((2 * value, value / 3, -value, value * 1e6, *_FLOATS, *_NOT_NUMBERS))


def _array(rng: random.Random, value: np.ndarray) -> Any:
    kind = rng.randrange(8)
    if kind == 0 or value.size == 0:
        return rng.choice((None, [], [1], [3, 1, 4]))
    if kind == 1:
        return value[: rng.randrange(value.size)]
    if kind == 2:
        return np.append(value, value[rng.randrange(value.size)])
    if kind == 3:
        return value[::-1]
    position = rng.randrange(value.size)
    result = value.tolist()
    result[position] = changed(rng, result[position])
    # The vector's element type may be narrower than what was drawn.
    return np.array(result, value.dtype)


def _list(rng: random.Random, value: list[Any]) -> Any:
    kind = rng.randrange(8)
    if kind == 0 or not value:
        return rng.choice((None, []))
    result = list(value)
    position = rng.randrange(len(result))
    if kind == 1:
        del result[position]
    elif kind == 2:
        result.insert(rng.randrange(len(result)), result[position])
    elif kind == 3:
        other = rng.randrange(len(result))
        result[position], result[other] = result[other], result[position]
    elif isinstance(result[position], (int, float, str, bytes)):
        result[position] = changed(rng, result[position])
    elif result[position] is not None:
        change(rng, result[position])
    return result


def change_training_model(rng: random.Random, data: bytes) -> bytes:
    """A training flatbuffer whose own parts are wrong: options of the training operators, their
    inputs, shapes, types and quantisation, variables, metadata, inputs and outputs."""
    while True:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(rng.choice((1, 1, 2, 4))):
            _change_own_part(rng, model)
        try:
            return pack(model)
        except (TypeError, ValueError, AttributeError, AssertionError, OverflowError):
            continue


def _change_own_part(rng: random.Random, model: Any) -> None:
    graph = model.subgraphs[0]
    own = [o for o in graph.operators if o.customOptions is not None]
    operator = rng.choice(own)
    kind = rng.randrange(6)
    if kind == 0:
        operator.customOptions = np.frombuffer(
            hostile_options(rng, operator.customOptions.tobytes()), np.uint8
        )
    elif kind == 1:
        name = rng.choice(("inputs", "outputs"))
        setattr(operator, name, _other_indices(rng, getattr(operator, name), len(graph.tensors)))
    elif kind == 2:
        entry = rng.choice(model.metadata)
        buffer = model.buffers[entry.buffer]
        content = bytes(bytearray(buffer.data)).ljust(4, b"\0")  # something to damage
        buffer.data = np.frombuffer(rng.choice(BYTE_MUTATIONS)(rng, content), np.uint8)
    elif kind == 3:
        name = rng.choice(("inputs", "outputs"))
        setattr(graph, name, _other_indices(rng, getattr(graph, name), len(graph.tensors)))
    else:
        indices = [i for name in ("inputs", "outputs") for i in _list_of(getattr(operator, name))]
        chosen = [i for i in indices if i >= 0]
        if chosen:
            change(rng, graph.tensors[rng.choice(chosen)])


def _list_of(indices: Any) -> list[int]:
    return [] if indices is None else [int(i) for i in indices]


def _other_indices(rng: random.Random, indices: Any, tensors: int) -> np.ndarray:
    """Tensors left out, exchanged, repeated or absent; indices stay those of tensors."""
    result = _list_of(indices)
    kind = rng.randrange(4)
    if not result or kind == 0:
        result.append(rng.randrange(tensors))
    elif kind == 1:
        del result[rng.randrange(len(result))]
    else:
        result[rng.randrange(len(result))] = rng.randrange(-1, tensors)
    return np.array(result, np.int32)


def hostile_options(rng: random.Random, options: bytes) -> bytes:
    """The record of an operator, cut, extended, random, or with other words."""
    kind = rng.randrange(6)
    if kind == 0:
        return options[: rng.randrange(len(options) + 1)]
    if kind == 1:
        return options + rng.randbytes(rng.choice((1, 4, 64)))
    if kind == 2:
        return rng.randbytes(len(options))
    return words_replaced(rng, options)


def changed_json(rng: random.Random, value: Any) -> Any:
    """JSON in which one value or more is another, of any type."""
    if rng.random() < 0.15:
        return rng.choice(
            (None, True, [], {}, 0, -1, 2**70, 1.5, "", "all", rng.choice(_TEXTS), [[[]]])
        )
    if isinstance(value, list) and value:
        result = [changed_json(rng, item) if rng.random() < 0.4 else item for item in value]
        return result + result[:1] if rng.random() < 0.1 else result
    if isinstance(value, dict) and value:
        changed = {k: changed_json(rng, v) if rng.random() < 0.4 else v for k, v in value.items()}
        if rng.random() < 0.15:
            changed[rng.choice((*_TEXTS, "of", "op"))] = rng.choice((1, "x", None, -5))
        if rng.random() < 0.15:
            changed.pop(rng.choice(list(changed)))
        return changed
    return value
