"""Writes GGUF files, right ones and wrong ones, byte by byte."""

import struct
from collections.abc import Sequence
from typing import Any

SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(type: int, value: Any) -> bytes:
    return text(value) if type == STRING else struct.pack(f"<{SCALARS[type]}", value)


def entry(name: str, type: int, value: Any, of: int | None = None) -> bytes:
    """``of``: a list's type of items."""
    head = text(name) + struct.pack("<I", type)
    if of is None:
        return head + scalar(type, value)
    items = b"".join(scalar(of, item) for item in value)
    return head + struct.pack("<IQ", of, len(value)) + items


def tensor(name: str, shape: Sequence[int], type: int, offset: int) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", type, offset)


def whole(
    entries: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    alignment: int = 32,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """``counts``: of tensors and entries, as claimed."""
    claimed = counts or (len(tensors), len(entries))
    head = b"GGUF" + struct.pack("<IQQ", version, *claimed) + b"".join([*entries, *tensors])
    return head + b"\0" * (-len(head) % alignment) + data
