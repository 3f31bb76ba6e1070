"""What a sequence's caches hold, as arrays that stay and as bytes that a disk can take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from pippin.memory.records import BadRecord
from pippin.memory.tensors import Plane

GROWN = "grown."
STATE = "state."
OUTLINE = "outline"
DTYPES = {
    "BOOL": mx.bool_,
    "U8": mx.uint8,
    "I8": mx.int8,
    "U32": mx.uint32,
    "I32": mx.int32,
    "I64": mx.int64,
    "F16": mx.float16,
    "BF16": mx.bfloat16,
    "F32": mx.float32,
}
"""safetensors' names of the types that caches use."""
NAMES = {dtype: name for name, dtype in DTYPES.items()}


CPU_PAGE = 4 << 10
GPU_PAGE = 16 << 10


@dataclass(slots=True, eq=False)
class Snapshot:
    """What the caches of one sequence hold for a run of its tokens. Its arrays are its own
    (``copied``): no cache writes into them, and none keeps a longer buffer alive."""

    grown: tuple[mx.array, ...]
    """Of the caches that grow with the text, in their order; axis -2 counts the run's tokens."""
    state: tuple[mx.array, ...] = ()
    """Of the caches that cannot be cut, as they are after the run's last token."""
    outline: str = ""
    """How ``state`` is put together, as JSON; empty: there is none."""

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (*self.grown, *self.state))

    @property
    def rounding_bytes(self) -> int:
        """What its arrays may take in memory beyond ``nbytes``, at most."""
        return sum(map(_rounding, self.arrays))

    @property
    def arrays(self) -> tuple[mx.array, ...]:
        return (*self.grown, *self.state)


def copied(array: mx.array) -> mx.array:
    """The same numbers in memory of their own, and no more of it than they need.

    ``mx.contiguous`` is no such copy: where at most 16 KiB would be saved, it lives on in the
    buffer of the whole, which for the small states of one row in a crowd is many times its size.
    """
    row = array[None]
    return mx.concatenate([row, row[:0]]).reshape(array.shape)


def planes_of(snapshot: Snapshot) -> Iterator[Plane]:
    """As bytes, one array at a time, so that the caller may pause between them. Engine thread."""
    for kind, arrays in ((GROWN, snapshot.grown), (STATE, snapshot.state)):
        for number, array in enumerate(arrays):
            yield Plane(f"{kind}{number}", NAMES[array.dtype], array.shape, _bytes(array))
    if snapshot.outline:
        outline = snapshot.outline.encode()
        yield Plane(OUTLINE, "U8", (len(outline),), outline)


def snapshot_of(planes: Sequence[Plane]) -> Snapshot:
    """The arrays of a record. Engine thread.

    Raises:
        BadRecord: these are not the planes of a snapshot.
    """
    by_name = {plane.name: plane for plane in planes}
    outline = by_name.pop(OUTLINE, None)
    snapshot = Snapshot(
        grown=tuple(_numbered(by_name, GROWN)),
        state=tuple(_numbered(by_name, STATE)),
        outline=bytes(outline.data).decode() if outline else "",
    )
    if by_name:
        raise BadRecord(f"planes of no snapshot: {', '.join(sorted(by_name))}")
    return snapshot


def _rounding(array: mx.array) -> int:
    """MLX takes a freed buffer again if it is less than two pages, and less than twice, too large.
    On a GPU it first rounds up, to pages or below a page to a power of two. On a CPU this was
    measured: up to 8,128 bytes an array, and 0.5 % of all in the demo model's."""
    if mx.metal.is_available() or mx.cuda.is_available():
        return min(3 * array.nbytes, 3 * GPU_PAGE)
    return min(array.nbytes, 2 * CPU_PAGE)


def _numbered(by_name: dict[str, Plane], kind: str) -> Iterator[mx.array]:
    number = 0
    while plane := by_name.pop(f"{kind}{number}", None):
        yield _array(plane)
        number += 1


def _bytes(array: mx.array) -> bytes:
    flat = mx.contiguous(array).reshape(-1).view(mx.uint8)
    return np.asarray(flat).tobytes()


def _array(plane: Plane) -> mx.array:
    dtype = DTYPES.get(plane.dtype)
    if dtype is None:
        raise BadRecord(f"the type {plane.dtype} is none of a cache")
    flat = mx.array(np.frombuffer(plane.data, np.uint8))
    if flat.size == 0:
        return mx.zeros(plane.shape, dtype)
    return flat.view(dtype).reshape(plane.shape)
