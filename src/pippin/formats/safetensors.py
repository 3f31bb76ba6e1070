"""The header of a safetensors file, read and checked before any library sees the file.

The format (https://github.com/huggingface/safetensors#format): 8 bytes, the length of the header
as an unsigned little-endian number; the header, a JSON object of ``name`` →
``{"dtype", "shape", "data_offsets": [begin, end]}``, and ``__metadata__``, texts by name; then
the data, of which the tensors together cover every byte exactly once.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import msgspec

from pippin.formats.errors import BadModelFile
from pippin.formats.reading import open_regular

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
"""The format's own bound."""
MAX_DIMENSIONS = 64
BITS_OF = {
    4: ("F4",),
    6: ("F6_E2M3", "F6_E3M2"),
    8: ("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"),
    16: ("I16", "U16", "F16", "BF16"),
    32: ("I32", "U32", "F32"),
    64: ("I64", "U64", "F64", "C64"),
}
BITS = {dtype: bits for bits, dtypes in BITS_OF.items() for dtype in dtypes}
"""Of one number of each known type."""


class Tensor(msgspec.Struct, frozen=True):
    """One entry of a header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Bytes from the start of the data, which follows the header."""
    end: int
    count: int
    """How many numbers it holds."""


@dataclass(frozen=True, slots=True)
class Header:
    """All that a file says of its tensors. It has been checked against the file's size."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def check_safetensors(path: Path) -> None:
    """Raises: BadModelFile if the file breaks its format in any way that the header shows."""
    read_header(path)


def read_header(path: Path) -> Header:
    """The checked header of a file. Only the header is read.

    Raises:
        BadModelFile: it cannot be read, or breaks the format.
    """
    with open_regular(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if size < LENGTH_BYTES or length > size - LENGTH_BYTES:
                raise BadModelFile(f"{path} is cut short, or is no safetensors file.")
            if length > MAX_HEADER_BYTES:
                raise BadModelFile(f"{path} has a header of more than {MAX_HEADER_BYTES} bytes.")
            text = file.read(length)
        except OSError as error:
            raise BadModelFile(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return _checked(_parsed(text), size - LENGTH_BYTES - length)
    except _Wrong as wrong:
        raise BadModelFile(f"{path} is no valid safetensors file: {wrong}.") from wrong


class _Wrong(Exception):
    """What breaks the format, without the file's name."""


def _parsed(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise _Wrong("its header does not begin with an object")
    try:
        content = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_compact,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except RecursionError:
        raise _Wrong("its header is nested too deeply") from None
    except ValueError as error:
        raise _Wrong(f"its header is no JSON ({error})") from None
    if not isinstance(content, dict):  # one that reads like a single tensor
        raise _Wrong("its header is not an object of tensors")
    return content


def _compact(pairs: list[tuple[str, Any]]) -> object:
    """An object as it is kept: a tensor's own at once as a ``Tensor``, since there may be many."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Wrong("its header gives a name twice")
    if members.keys() == {"dtype", "shape", "data_offsets"}:
        return _tensor(members["dtype"], members["shape"], members["data_offsets"])
    return members


def _tensor(dtype: object, shape: object, offsets: object) -> Tensor:
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Wrong(f"{str(dtype)[:40]!r} is no known type of numbers")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise _Wrong("a shape is not a list of sizes")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise _Wrong("data_offsets are not two places in the file")
    return Tensor(dtype, tuple(shape), offsets[0], offsets[1], math.prod(shape))


def _are_sizes(values: object) -> TypeGuard[list[int]]:
    if not isinstance(values, list):
        return False
    for value in values:  # noqa: SIM110 - a generator would take twice as long, and there are many
        if type(value) is not int or value < 0:
            return False
    return True


def _no_fraction(text: str) -> NoReturn:
    raise _Wrong(f"{text[:40]} is no whole number")


def _checked(content: dict[str, Any], data_bytes: int) -> Header:
    metadata = content.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _Wrong("__metadata__ does not hold texts only")
    for name, tensor in content.items():
        if not isinstance(tensor, Tensor):
            raise _Wrong(f"{name[:80]!r} is not described as a tensor")
        if 8 * (tensor.end - tensor.begin) != tensor.count * BITS[tensor.dtype]:
            raise _Wrong(f"{name[:80]!r} has another size than its shape")
    at = 0
    for tensor in sorted(content.values(), key=lambda one: (one.begin, one.end)):
        if tensor.begin != at:
            raise _Wrong("its tensors overlap, or leave bytes between them")
        at = tensor.end
    if at != data_bytes:
        raise _Wrong(f"its tensors take {at} bytes, and there are {data_bytes}")
    return Header(content, metadata)
