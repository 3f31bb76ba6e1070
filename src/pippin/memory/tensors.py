"""Planes ↔ bytes in the layout of safetensors, which is: the length of a table as 8 bytes, the
table as JSON, the planes' bytes one after another.

Written here and not left to the library, because its reader wants the whole in memory and copies
each part, and because nothing but Python then ever sees bytes that came from a disk.
"""

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO

import msgspec

MAX_TABLE_BYTES = 16 * 1024 * 1024
LENGTH = struct.Struct("<Q")
ALIGNMENT = 8
MAX_AXES = 8
ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}

Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Plane:
    """One array as bytes, row by row, lowest byte first. ``dtype`` is safetensors' name.

    Raises:
        ValueError: no such type, or ``data`` is not as long as type and shape say.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        if self.dtype not in ITEM_BYTES:
            raise ValueError(f"{self.dtype} is no type of a plane")
        if len(self.shape) > MAX_AXES or any(size < 0 for size in self.shape):
            raise ValueError(f"{self.shape} is no shape of a plane")
        if len(self.data) != ITEM_BYTES[self.dtype] * math.prod(self.shape):
            raise ValueError(f"{len(self.data)} bytes are no {self.dtype} of {self.shape}")


class BadTensors(Exception):
    """These bytes are not planes."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[tuple[Size, ...], msgspec.Meta(max_length=MAX_AXES)]
    data_offsets: tuple[Size, Size]


_decode_table = msgspec.json.Decoder(dict[str, _Entry]).decode


def pack(planes: Sequence[Plane]) -> list[bytes]:
    """The pieces which, one after another, are the planes in safetensors' layout. The planes'
    own bytes are among them, not copied."""
    table, end = {}, 0
    for plane in planes:
        start, end = end, end + len(plane.data)
        table[plane.name] = _Entry(plane.dtype, plane.shape, (start, end))
    text = msgspec.json.encode(table)
    text += b" " * (-len(text) % ALIGNMENT)
    return [LENGTH.pack(len(text)), text, *(plane.data for plane in planes)]


def unpack(file: BinaryIO, size: int, sha256: bytes) -> tuple[Plane, ...]:
    """Read ``size`` bytes that were packed, and give the planes only if they are the very bytes
    that ``sha256`` was taken of. Never holds more than what it returns, nor more than ``size``.

    Raises:
        BadTensors: they are not, or are no planes.
    """
    body = _Body(file, size)
    table = body.table()
    data = [body.take(entry.data_offsets[1] - entry.data_offsets[0]) for entry in table.values()]
    if body.left or body.sha256 != sha256:
        raise BadTensors("the checksum is wrong")
    try:
        return tuple(
            Plane(name, entry.dtype, entry.shape, part)
            for (name, entry), part in zip(table.items(), data, strict=True)
        )
    except ValueError as error:
        raise BadTensors("a plane's size is wrong") from error


class _Body:
    """Reads on from where ``file`` stands, at most ``left`` bytes, and takes their checksum."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.left = size

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    def take(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise BadTensors("a part is longer than the whole")
        data = self._file.read(size)
        if len(data) != size:
            raise BadTensors("the end is missing")
        self._hash.update(data)
        self.left -= size
        return data

    def table(self) -> dict[str, _Entry]:
        (length,) = LENGTH.unpack(self.take(LENGTH.size))
        if length > MAX_TABLE_BYTES:
            raise BadTensors("the table is too long")
        try:
            table = _decode_table(self.take(length))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadTensors("the table cannot be read") from error
        _check_contiguous(table.values())
        return table


def _check_contiguous(entries: Iterable[_Entry]) -> None:
    end = 0
    for entry in entries:
        if entry.data_offsets[0] != end:
            raise BadTensors("the parts do not lie one after another")
        end = entry.data_offsets[1]
