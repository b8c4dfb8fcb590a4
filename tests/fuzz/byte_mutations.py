"""Files with damaged bytes: cut short, with flipped bits, other words, moved pieces."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from converter.model.schema import schema

INTEGERS = (0, 1, -1, 2, 3, 5, 7, 16, 127, 128, -128, 255, 256, 32767, 65536, 2**30)
LARGEST_INTEGERS = (2**31 - 1, -(2**31), 2**32 - 1, 2**62, -(2**63))


def truncated(rng: random.Random, data: bytes) -> bytes:
    """The file cut short, somewhere or near one of its ends."""
    near = min(64, len(data) - 1)
    end = rng.choice((rng.randrange(len(data)), rng.randrange(near), len(data) - 1 - near))
    return data[:end] + rng.choice((b"", b"", bytes(16), rng.randbytes(16)))


def flipped(rng: random.Random, data: bytes) -> bytes:
    """One to 64 flipped bits, anywhere."""
    return _flipped_within(rng, data, range(len(data)))


def words_replaced(rng: random.Random, data: bytes) -> bytes:
    """Some 32-bit words replaced: offsets, lengths and values."""
    return _words_replaced_within(rng, data, range(len(data) // 4))


def spliced(rng: random.Random, data: bytes) -> bytes:
    """A piece moved, repeated or taken out."""
    if not data:
        return data
    first, second = sorted(rng.randrange(len(data)) for _ in range(2))
    piece = data[first : min(second, first + rng.choice((4, 64, 4096)))]
    to = rng.randrange(len(data))
    if rng.random() < 0.3:
        return data[:first] + data[first + len(piece) :]
    if rng.random() < 0.5:
        return data[:to] + piece + data[to:]
    return data[:to] + piece + data[to + len(piece) :]


BYTE_MUTATIONS = (truncated, flipped, words_replaced, spliced)


def damaged_model(rng: random.Random, data: bytes) -> bytes:
    """A flatbuffer with damaged bytes; mostly those that are not weights."""
    if rng.random() < 0.3:
        return rng.choice(BYTE_MUTATIONS)(rng, data)
    structure = _structural_words(data)
    if rng.random() < 0.5:
        return _words_replaced_within(rng, data, structure)
    positions = [4 * word + byte for word in structure for byte in range(4)]
    return _flipped_within(rng, data, positions)


def _flipped_within(rng: random.Random, data: bytes, positions: Any) -> bytes:
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        result[rng.choice(positions)] ^= 1 << rng.randrange(8)
    return bytes(result)


def _words_replaced_within(rng: random.Random, data: bytes, words: Any) -> bytes:
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = 4 * rng.choice(words)
        old = int.from_bytes(result[at : at + 4], "little")
        new = rng.choice((*INTEGERS, *LARGEST_INTEGERS, old + 1, old - 1, old + 4, old * 2))
        result[at : at + 4] = (new & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(result)


def _structural_words(data: bytes) -> list[int]:
    """The 32-bit words of a whole model that hold no large constant."""
    is_weight = np.zeros(len(data) // 4, bool)
    model = schema.Model.GetRootAs(data, 0)
    for i in range(model.BuffersLength()):
        content = model.Buffers(i).DataAsNumpy()
        if not isinstance(content, int) and content.size > 256:
            start = content.__array_interface__["data"][0]
            start -= np.frombuffer(data, np.uint8).__array_interface__["data"][0]
            is_weight[-(-start // 4) : (start + content.size) // 4] = True
    return [int(word) for word in np.flatnonzero(~is_weight)]
