"""The head of a GGUF file: what the model is, and where its weights lie.

Everything that native code would trust is checked here first: counts, lengths, types, and that
every tensor lies inside the file and on none of the others. Nothing of the weights is read.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pippin.formats.gguf_types import TENSOR_TYPES, UINT32
from pippin.formats.gguf_values import MAX_KEY_BYTES, Head, LongList, Scalar, Value
from pippin.formats.reading import open_regular

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES = 65_536
MAX_TENSORS = 65_536
MAX_DIMS = 4
MAX_NAME_BYTES = 63
MAX_ALIGNMENT = 65_536
DEFAULT_ALIGNMENT = 32
MIN_ENTRY_BYTES = 8 + 1 + 4 + 1
MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where one tensor lies."""

    name: str
    shape: tuple[int, ...]
    """The dimension that is contiguous first."""
    type: str
    """As llama.cpp names it: ``Q8_0``."""
    offset: int
    """In the file, in bytes."""
    bytes: int


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """What a file says of itself; all of it was checked."""

    path: Path
    version: int
    alignment: int
    metadata: Mapping[str, Value]
    """Long lists are left in the file; ``items`` reads them."""
    tensors: tuple[Tensor, ...]
    file_bytes: int

    def items(self, name: str) -> tuple[Scalar, ...]:
        """A list of the metadata, read now if it is long; empty: there is no such list.

        Raises:
            BadModelFile: the file has changed since, or cannot be read.
        """
        value = self.metadata.get(name)
        if isinstance(value, tuple):
            return value
        if not isinstance(value, LongList):
            return ()
        with open_regular(self.path) as file:
            head = Head(file, self.path)
            if head.file_bytes != self.file_bytes:
                raise head.bad("it has changed")
            head.seek(value.offset)
            return head.items(value, name)


def read_gguf(path: Path) -> GGUFHeader:
    """Read and check a file's head. Takes a second at most, and some tens of megabytes.

    Raises:
        BadModelFile: it cannot be read, is no GGUF file, or is one that could hurt.
    """
    with open_regular(path) as file:
        head = Head(file, path)
        version = _version(head)
        tensor_count, entry_count = head.number("Q"), head.number("Q")
        _check_count(head, tensor_count, MAX_TENSORS, MIN_TENSOR_BYTES, "tensors")
        _check_count(head, entry_count, MAX_ENTRIES, MIN_ENTRY_BYTES, "entries")
        types: dict[str, int] = {}
        metadata: dict[str, Value] = {}
        for _ in range(entry_count):
            name = head.name(MAX_KEY_BYTES, "the name of an entry")
            if not name or name in metadata:
                raise head.bad(f"it has an entry twice ({name!r})" if name else "a name is empty")
            types[name] = head.number("I")
            metadata[name] = head.value(types[name], name)
        alignment = _alignment(head, metadata, types)
        tensors = _tensors(head, tensor_count, alignment)
        return GGUFHeader(
            path, version, alignment, MappingProxyType(metadata), tensors, head.file_bytes
        )


def _version(head: Head) -> int:
    if head.file_bytes < len(MAGIC) or head.number("I") != int.from_bytes(MAGIC, "little"):
        raise head.bad("it does not begin with GGUF")
    version = head.number("I")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        if swapped in VERSIONS:
            raise head.bad("it was written for machines of the other byte order")
        raise head.bad(f"its version is {version}, and only 2 and 3 can be read")
    return version


def _check_count(head: Head, count: int, most: int, least_bytes: int, what: str) -> None:
    if count > most or count * least_bytes > head.left:
        raise head.bad(f"it claims to have {count} {what}")


def _alignment(head: Head, metadata: Mapping[str, Value], types: Mapping[str, int]) -> int:
    key = "general.alignment"
    if key not in metadata:
        return DEFAULT_ALIGNMENT
    value = metadata[key]
    if types[key] != UINT32 or not isinstance(value, int):
        raise head.bad(f"{key} has a wrong type")
    if not 8 <= value <= MAX_ALIGNMENT or value & (value - 1):
        raise head.bad(f"{key} is {value}, and must be a power of two from 8 to {MAX_ALIGNMENT}")
    return value


def _tensors(head: Head, count: int, alignment: int) -> tuple[Tensor, ...]:
    tensors = [_tensor(head) for _ in range(count)]
    names = {tensor.name for tensor in tensors}
    if len(names) < count:
        raise head.bad("it has a tensor twice")
    data = -(-head.offset // alignment) * alignment
    placed = [
        Tensor(each.name, each.shape, each.type, data + each.offset, each.bytes) for each in tensors
    ]
    end = data
    for before, tensor in sorted(
        zip(tensors, placed, strict=True), key=lambda pair: pair[1].offset
    ):
        if before.offset % alignment:
            raise head.bad(f"tensor {tensor.name!r} is not aligned")
        if tensor.offset < end:
            raise head.bad(f"tensor {tensor.name!r} lies on another one")
        end = tensor.offset + tensor.bytes
        if end > head.file_bytes:
            raise head.bad(f"tensor {tensor.name!r} lies beyond the end of the file")
    return tuple(placed)


def _tensor(head: Head) -> Tensor:
    """Its offset is still from where the data begins."""
    name = head.name(MAX_NAME_BYTES, "the name of a tensor")
    dims = head.number("I")
    if not 1 <= dims <= MAX_DIMS:
        raise head.bad(f"tensor {name!r} has {dims} dimensions")
    shape = tuple(head.number("Q") for _ in range(dims))
    number = head.number("I")
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        raise head.bad(f"tensor {name!r} is of an unknown type ({number})")
    count = 1
    for size in shape:
        count *= size
        # Python's numbers do not overflow; those of native code would.
        if not 0 < count < 1 << 62:
            raise head.bad(f"tensor {name!r} has an impossible shape")
    if shape[0] % kind.block:
        raise head.bad(f"tensor {name!r} does not consist of whole blocks")
    return Tensor(name, shape, kind.name, head.number("Q"), count // kind.block * kind.bytes)
