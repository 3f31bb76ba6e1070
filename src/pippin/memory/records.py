"""A run ↔ the bytes of its record, the file that keeps it. Pure: nothing here knows a folder.

A record is: magic and version (8 bytes), the header's length (4), the header's SHA-256 (32), the
header (msgpack), and the planes in safetensors' layout, whose length and checksum (XXH3, 128 bits)
are in the header. Whatever a disk gives back is the run that was put there, or a ``BadRecord``: no
length is believed before it was compared with the file's, and nothing is used before its checksum
was right.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from pippin.memory.blocks import BLOCK, chain
from pippin.memory.tensors import BadTensors, Data, Plane, Size, checksum, pack, unpack

__all__ = [
    "BadRecord",
    "Plane",
    "RecordHead",
    "StoredRun",
    "Stretch",
    "Tokens",
    "decode",
    "encode",
    "read_head",
    "record_name",
]

MAGIC = b"PIPPIN\x00\x02"
"""The last byte is the version of the layout."""
PREFIX = struct.Struct("<8sI32s")
MAX_HEADER_BYTES = 16 * 1024 * 1024
"""Four million tokens."""
MAX_POSITION = 2**31
KEY_BYTES = 32
NAME_LETTERS = 40

Tokens = npt.NDArray[np.int32]


class BadRecord(Exception):
    """A file is not a whole, undamaged record of this model."""


class Stretch(Protocol):
    """What names a run: which tokens, where, after which others, and whether it has a state."""

    @property
    def start(self) -> int: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def keys(self) -> tuple[bytes, ...]: ...
    @property
    def has_state(self) -> bool: ...


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """A run whose caches are bytes. ``keys[i]`` names the first ``start + i * BLOCK`` tokens.

    Raises:
        ValueError: what is given is no run.
    """

    start: int
    tokens: Tokens
    keys: tuple[bytes, ...]
    planes: tuple[Plane, ...]
    has_state: bool

    def __post_init__(self) -> None:
        if self.start < 0 or self.start % BLOCK or self.end > MAX_POSITION:
            raise ValueError(f"no run starts at {self.start} and has {len(self.tokens)} tokens")
        if not len(self.tokens) or len(self.keys) != len(self.tokens) // BLOCK + 1:
            raise ValueError(f"{len(self.keys)} keys are not those of {len(self.tokens)} tokens")
        if len({plane.name for plane in self.planes}) != len(self.planes):
            raise ValueError("two planes have one name")

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)

    @property
    def nbytes(self) -> int:
        """Of the planes: a record is a little larger."""
        return sum(len(plane.data) for plane in self.planes)


@dataclass(frozen=True, slots=True, eq=False)
class RecordHead:
    """What a record says of itself before its planes."""

    start: int
    tokens: Tokens
    keys: tuple[bytes, ...]
    has_state: bool
    body_bytes: int
    body_checksum: bytes


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    fingerprint: bytes
    start: Annotated[int, msgspec.Meta(ge=0, lt=MAX_POSITION, multiple_of=BLOCK)]
    parent: Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    tokens: Annotated[bytes, msgspec.Meta(min_length=4)]
    has_state: bool
    body_bytes: Size
    body_checksum: bytes


_decode_header = msgspec.msgpack.Decoder(_Header).decode


def record_name(run: Stretch) -> str:
    """The same for the same run on every machine, and for no other."""
    whole = len(run.keys) - 1
    tail = run.tokens[whole * BLOCK :]
    place = run.start.to_bytes(8, "little") + bytes([run.has_state])
    named = run.keys[-1] + place + _token_bytes(tail)
    return hashlib.sha256(named).hexdigest()[:NAME_LETTERS]


def encode(run: StoredRun, fingerprint: bytes) -> list[Data]:
    """The pieces which, one after another, are the record; the planes are not copied."""
    body = pack(run.planes)
    header = msgspec.msgpack.encode(
        _Header(
            fingerprint=fingerprint,
            start=run.start,
            parent=run.keys[0],
            tokens=_token_bytes(run.tokens),
            has_state=run.has_state,
            body_bytes=sum(map(len, body)),
            body_checksum=checksum(body),
        )
    )
    prefix = PREFIX.pack(MAGIC, len(header), hashlib.sha256(header).digest())
    return [prefix, header, *body]


def read_head(file: BinaryIO, size: int, fingerprint: bytes) -> RecordHead:
    """From the beginning of a record in a file of ``size`` bytes; ``file`` then stands at the
    planes.

    Raises:
        BadRecord: no record, a damaged one, one cut short, or another model's.
    """
    header, header_bytes = _read_header(file, size)
    if header.fingerprint != fingerprint:
        raise BadRecord("it belongs to another model")
    if size != PREFIX.size + header_bytes + header.body_bytes:
        raise BadRecord("its size is wrong")
    if len(header.tokens) % 4 or header.start + len(header.tokens) // 4 > MAX_POSITION:
        raise BadRecord("its tokens are cut short")
    tokens = np.frombuffer(header.tokens, "<i4").astype(np.int32, copy=False)
    return RecordHead(
        start=header.start,
        tokens=tokens,
        keys=chain(header.parent, tokens),
        has_state=header.has_state,
        body_bytes=header.body_bytes,
        body_checksum=header.body_checksum,
    )


def decode(file: BinaryIO, size: int, fingerprint: bytes) -> StoredRun:
    """A whole record.

    Raises:
        BadRecord: any doubt.
    """
    head = read_head(file, size, fingerprint)
    try:
        planes = unpack(file, head.body_bytes, head.body_checksum)
    except BadTensors as error:
        raise BadRecord(f"its planes are damaged: {error}") from error
    return StoredRun(head.start, head.tokens, head.keys, planes, head.has_state)


def _read_header(file: BinaryIO, size: int) -> tuple[_Header, int]:
    prefix = file.read(PREFIX.size)
    if len(prefix) != PREFIX.size:
        raise BadRecord("it is cut short")
    magic, length, digest = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise BadRecord("it is no record of this version")
    if length > min(MAX_HEADER_BYTES, size - PREFIX.size):
        raise BadRecord("its header is too long")
    data = file.read(length)
    if hashlib.sha256(data).digest() != digest:
        raise BadRecord("its header is damaged")
    try:
        return _decode_header(data), length
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord("its header is none") from error


def _token_bytes(tokens: Tokens) -> bytes:
    return tokens.astype("<i4", copy=False).tobytes()
