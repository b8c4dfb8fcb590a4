"""The training flatbuffer as C++ source to link into a firmware."""

from __future__ import annotations

import re

_BYTES_PER_LINE = 12


def c_identifier(stem: str) -> str:
    """A C identifier made from a file's stem."""
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() or not name else name


def c_array(flatbuffer: bytes, stem: str) -> tuple[str, str]:
    """(header, source) with `alignas(16) const unsigned char <stem>[]` and `<stem>_len`."""
    name = c_identifier(stem)
    guard = f"{name.upper()}_H_"
    header = (
        f"#ifndef {guard}\n#define {guard}\n\n"
        f"extern const unsigned char {name}[];\nextern const unsigned int {name}_len;  // bytes\n\n"
        f"#endif  // {guard}\n"
    )
    lines = [
        "    " + " ".join(f"0x{byte:02x}," for byte in flatbuffer[i : i + _BYTES_PER_LINE])
        for i in range(0, len(flatbuffer), _BYTES_PER_LINE)
    ]
    source = (
        f'#include "{stem}.h"\n\n'
        f"alignas(16) const unsigned char {name}[] = {{\n" + "\n".join(lines) + "\n};\n"
        f"const unsigned int {name}_len = {len(flatbuffer)};\n"
    )
    return header, source
