"""The option record of a custom operator.

A flat record of 32-bit little-endian words as `custom_options`: the version first, then the
fields of its dataclass in order, an `int` as int32 and a `float` as float32.
`kernels/<operator>/<operator>.h` declares the same record as a C++ struct; the kernels read it
in place from the flatbuffer, so it costs no arena. A field is never added, removed or moved
without a new version.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from typing import ClassVar, TypeVar, get_type_hints

OptionsType = TypeVar("OptionsType", bound="Options")


@dataclasses.dataclass(frozen=True)
class Options:
    """Base of all option records. Subclasses name their operator in `CUSTOM_CODE`."""

    CUSTOM_CODE: ClassVar[str]
    VERSION: ClassVar[int] = 1

    @classmethod
    @functools.cache  # a search packs thousands of records
    def _format(cls) -> str:
        hints = get_type_hints(cls)
        kinds = {int: "i", float: "f"}
        return "<i" + "".join(kinds[hints[f.name]] for f in dataclasses.fields(cls))

    def pack(self) -> bytes:
        """The record as bytes, ready for `custom_options`."""
        values = (getattr(self, f.name) for f in dataclasses.fields(self))
        return struct.pack(self._format(), self.VERSION, *values)

    @classmethod
    def unpack(cls: type[OptionsType], data: bytes) -> OptionsType:
        """Read a record back. Raises ValueError for another version or length."""
        if len(data) != struct.calcsize(cls._format()):
            raise ValueError(
                f"{cls.CUSTOM_CODE}: options of {len(data)} bytes, expected "
                f"{struct.calcsize(cls._format())}"
            )
        version, *values = struct.unpack(cls._format(), data)
        if version != cls.VERSION:
            raise ValueError(
                f"{cls.CUSTOM_CODE}: options version {version}, expected {cls.VERSION}"
            )
        return cls(*values)
