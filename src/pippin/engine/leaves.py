"""The single caches of a row: which of them can be cut, copied out and put back.

A layer has one cache, or a ``CacheList`` of several. Those that grow with the text (keys and
values of every token) can be cut anywhere. All others (sliding windows, recurrent states) are
copied whole, as they are after one certain token.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import BatchKVCache, CacheList, KVCache

from pippin.engine.codes import whole_steps
from pippin.engine.quantized import BatchQuantizedCache, QuantizedCache
from pippin.memory.planes import Snapshot, copied

GROWING = (KVCache, BatchKVCache, QuantizedCache, BatchQuantizedCache)

Part = tuple[Snapshot, int, int]
"""A snapshot, and which of its tokens are wanted: from, to."""


class NoNumbers(ValueError):
    """Whoever went on with these caches would fail."""


class Misfit(ValueError):
    """A snapshot that is not of this model's caches."""


def leaves_of(layers: Sequence[Any]) -> Iterator[Any]:
    """The single caches of all layers, in order."""
    for layer in layers:
        if isinstance(layer, CacheList):
            yield from leaves_of(layer.caches)
        else:
            yield layer


def grows(leaf: Any) -> bool:
    """Whether a cache grows with the text and can be cut anywhere."""
    return isinstance(leaf, GROWING)


@contextmanager
def room_for(layers: Sequence[Any], tokens: int) -> Iterator[None]:
    """If caches of single sequences must make room meanwhile, they make it for so many tokens at
    once: each time, all that they hold is copied."""
    growing = [leaf for leaf in leaves_of(layers) if type(leaf) is KVCache]
    for leaf in growing:
        leaf.step = whole_steps(tokens)
    try:
        yield
    finally:
        for leaf in growing:
            del leaf.step  # the class has its own


def snapshot(layers: Sequence[Any], row: int | None, low: int, high: int) -> Snapshot:
    """The tokens from ``low`` to ``high`` of a row, and the state of what cannot be cut.

    ``row``: ``None`` for caches of a single sequence. The state is that of now: wanted or not, it
    is right only when the row holds exactly ``high`` tokens; the caller sees to that.
    """
    grown: list[mx.array] = []
    state: list[Any] = []
    for leaf in leaves_of(layers):
        if grows(leaf):
            grown += _tokens(leaf, row, low, high)
        else:
            state.append((leaf if row is None else leaf.extract(row)).state)
    arrays: list[mx.array] = []
    outline = json.dumps([_outlined(each, arrays) for each in state]) if state else ""
    return Snapshot(tuple(grown), tuple(map(copied, arrays)), outline)


def restored(layers: Sequence[Any], parts: Sequence[Part], room: int) -> list[Any]:
    """The caches of one sequence that hold consecutive parts of what was remembered; the last
    part brings the state. There is room for ``room`` more tokens without a copy. ``layers``:
    fresh ones, to be used up.

    Raises:
        Misfit: the parts are not of such caches.
    """
    filler = _Filler(parts, room)
    try:
        filled = [filler.filled(layer) for layer in layers]
    except Exception as error:  # caches of foreign kinds take a foreign state as they like
        raise Misfit("what was remembered is not of this model's caches") from error
    if any(len(part.grown) != filler.planes_used for part, _, _ in parts):
        raise Misfit("what was remembered has other caches than this model")
    return filled


class _Filler:
    """Fills fresh caches, one after the other, with what was remembered of them."""

    def __init__(self, parts: Sequence[Part], room: int) -> None:
        self._parts = parts
        self._room = room
        self._length = sum(high - low for _, low, high in parts)
        self._last = parts[-1][0]
        self._states = iter(json.loads(self._last.outline) if self._last.outline else ())
        self.planes_used = 0

    def filled(self, leaf: Any) -> Any:
        match leaf:
            case CacheList():
                return CacheList(*map(self.filled, leaf.caches))  # type: ignore[no-untyped-call]
            case QuantizedCache():
                return QuantizedCache.from_tokens(leaf.bits, self._planes(6), self._length)
            case KVCache():
                leaf.state = (*self._planes(2), self._length)
            case _:
                leaf.state = _filled(next(self._states), self._last.state)
        return leaf

    def _planes(self, count: int) -> list[mx.array]:
        first = self.planes_used
        self.planes_used += count
        return [self._joined(plane) for plane in range(first, first + count)]

    def _joined(self, plane: int) -> mx.array:
        pieces = [part.grown[plane][..., low:high, :] for part, low, high in self._parts]
        spare = whole_steps(self._length + self._room) - self._length
        shape = (*pieces[0].shape[:-2], spare, pieces[0].shape[-1])
        return mx.concatenate([*pieces, mx.zeros(shape, pieces[0].dtype)], axis=-2)


def _tokens(leaf: Any, row: int | None, low: int, high: int) -> list[mx.array]:
    if isinstance(leaf, QuantizedCache | BatchQuantizedCache):
        return list(leaf.tokens(row or 0, low, high))
    keys, values, *_ = leaf.state
    if row is not None:
        padding = leaf.left_padding.tolist()[row]
        low, high = low + padding, high + padding
        keys, values = keys[row : row + 1], values[row : row + 1]
    return [copied(plane[..., low:high, :]) for plane in (keys, values)]


def _outlined(state: Any, arrays: list[mx.array]) -> Any:
    """A state's shape in JSON; its arrays go to the list, and leave their number behind."""
    if isinstance(state, mx.array):
        arrays.append(state)
        return {"array": len(arrays) - 1}
    if isinstance(state, list | tuple):
        return [_outlined(each, arrays) for each in state]
    return state


def _filled(outline: Any, arrays: Sequence[mx.array]) -> Any:
    """The state again. Its arrays are new objects: caches write into theirs."""
    if isinstance(outline, dict):
        return mx.contiguous(arrays[outline["array"]])
    if isinstance(outline, list):
        return [_filled(each, arrays) for each in outline]
    return outline
