"""Attention on a CPU.

MLX computes the exponentials of its softmax one by one there, and they take nine tenths of the time
that a long text needs; numpy's take a tenth of that. So here they are numpy's; and where scores are
many all of attention is, with the BLAS that MLX computes with (``products``), a part of the scores
at a time, so that they hardly leave the processor's cache.

Every row has the same bits whatever is computed beside it, however many masked positions stand
before it (padding, in a crowd) and behind it (the rest of its chunk): exponentials and maxima are
those of single numbers, and sums are products too, whose order ``position_sums`` sees to.
"""

from collections.abc import Callable, Iterator

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from pippin.engine.position_sums import CUT, Numbers, best_position_sums, uncut
from pippin.engine.products import Product, best_product

FEW = 1 << 17
"""Scores that are computed at once: parts would cost more than they save."""
TILE = 1 << 19
"""Scores of a part, in numbers: they stay in the processor's cache, or near it."""
ROWS = 64
"""Of a part's products at least, however long the text: with fewer, a BLAS does little more than to
read keys and values, again and again. From 8,192 positions on this makes parts larger."""
SUMS = 16
"""Columns of ones that sum a row's weights: with fewer, a BLAS takes other ways than for values."""
MASKED = float(np.finfo(np.float32).min)
HIDING = -1e6
"""What is added to a score hides a position from here on down: its exponential is 0."""

Floats = npt.NDArray[np.float32]
Part = tuple[slice, slice, slice]
"""Of the sequences, the groups and the queries."""

plain_attention = mx.fast.scaled_dot_product_attention


class HostAttention:
    """To be called as ``mx.fast.scaled_dot_product_attention``."""

    def __init__(
        self,
        product: Product | None = None,
        *,
        few: int = FEW,
        tile: int = TILE,
        rows: int = ROWS,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """More than ``few`` scores are computed in parts of ``tile``, about, and of no fewer
        ``rows``. ``between``: called at the beginning and after each such part; it may call the
        model."""
        self._product = product or best_product()
        self._sums = best_position_sums(self._product) if product is None else uncut(product)
        self._few = few
        self._tile = tile
        self._rows = rows
        self._between = between

    def __call__(
        self,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        *,
        scale: float,
        mask: mx.array | str | None = None,
        sinks: mx.array | None = None,
    ) -> mx.array:
        """Queries (B, H, L, D), keys and values (B, G, S, D) with H a multiple of G, mask
        ``"causal"`` or (of what can be broadcast to B, H, L, S) True or 0 where a query sees a
        key."""
        others = {each.dtype for each in (queries, keys, values)} - {mx.float32}
        if sinks is not None or others:
            return plain_attention(queries, keys, values, scale=scale, mask=mask, sinks=sinks)
        self._between()
        batch, heads, length, _ = queries.shape
        queries = queries * scale
        is_short = keys.shape[2] <= CUT
        if is_short and batch * heads * length * keys.shape[2] <= self._few:
            return _at_once(queries, keys, values, mask)
        mx.eval(queries, keys, values)  # together: each time another thread is waited for
        return self._in_parts(_array(queries), _array(keys), _array(values), mask)

    def _in_parts(
        self, queries: Floats, keys: Floats, values: Floats, mask: mx.array | str | None
    ) -> mx.array:
        batch, heads, length, width = queries.shape
        groups, positions = keys.shape[1:3]
        asked = queries.reshape(batch, groups, heads // groups, length, width).swapaxes(2, 3)
        found = np.empty((*asked.shape[:4], values.shape[-1]), dtype=np.float32)
        sight = _Sight(mask, asked.shape[:4], positions)
        ones = np.ones((positions, SUMS), dtype=np.float32)
        most = max(self._tile // positions, self._rows) // asked.shape[3]
        for part in _parts((batch, groups, length), most):
            scores = self._scores(asked[part], keys[part[:2]])
            sight.hide(scores, part)
            firsts = sight.firsts(part)
            self._weigh(scores, (ones, values[part[:2]]), firsts, found[part])
            self._between()
        return mx.array(found.swapaxes(2, 3)).reshape(batch, heads, length, -1)

    def _scores(self, asked: Floats, keys: Floats) -> Floats:
        """(B, G, L, H / G, S) of a part."""
        *shape, width = asked.shape
        rows, positions = shape[2] * shape[3], keys.shape[2]
        scores = np.empty((*shape, positions), dtype=np.float32)
        self._product(
            asked.reshape(-1, rows, width),
            keys.reshape(-1, positions, width).swapaxes(1, 2),
            scores.reshape(-1, rows, positions),
        )
        return scores

    def _weigh(
        self, scores: Floats, factors: tuple[Floats, Floats], firsts: Numbers, found: Floats
    ) -> None:
        """Put the values into ``found``, weighed by the softmax of the scores. ``factors``: ones
        (S, SUMS) and values (B, G, S, D)."""
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        ones, values = factors
        positions, width = values.shape[2:]
        rows = scores.shape[2] * scores.shape[3]
        weights = scores.reshape(-1, rows, positions)
        weighed = np.empty((len(weights), rows, width), dtype=np.float32)
        sums = np.empty((len(weights), rows, SUMS), dtype=np.float32)
        ones = np.broadcast_to(ones, (len(weights), *ones.shape))
        self._sums(weights, [(values.reshape(-1, positions, width), weighed), (ones, sums)], firsts)
        np.divide(weighed, sums[..., :1], out=weighed)
        found[:] = weighed.reshape(found.shape)


def _at_once(
    queries: mx.array, keys: mx.array, values: mx.array, mask: mx.array | str | None
) -> mx.array:
    """Few scores, of few positions: all by MLX but for the exponentials. The same bits."""
    batch, heads, length, _ = queries.shape
    groups, positions = keys.shape[1:3]
    shared = heads // groups
    rows = (batch, groups, shared * length)
    scores = queries.reshape(*rows, -1) @ keys.swapaxes(-1, -2)
    if mask is not None:
        split = scores.reshape(batch, groups, shared, length, positions)
        scores = _masked(split, mask).reshape(*rows, positions)
    weights = _exponentials(scores)
    sums = (weights @ mx.ones((positions, SUMS)))[..., :1]
    return (weights @ values / sums).reshape(batch, heads, length, -1)


def _masked(scores: mx.array, mask: mx.array | str) -> mx.array:
    """Scores (B, G, H / G, L, S) with ``MASKED`` where a query does not see a key."""
    _, groups, shared, length, positions = scores.shape
    if isinstance(mask, str):
        mask = mx.arange(positions - length, positions)[:, None] >= mx.arange(positions)
    elif mask.ndim == 4:
        of_heads = (groups, shared) if mask.shape[1] > 1 else (1, 1)
        mask = mask.reshape(mask.shape[0], *of_heads, *mask.shape[2:])
    if mask.dtype == mx.bool_:
        return mx.where(mask, scores, mx.array(MASKED))
    return scores + mask


def _exponentials(scores: mx.array) -> mx.array:
    """Of what each score is below the best of its row."""
    rows = np.array(scores, copy=False)
    below = rows - rows.max(axis=-1, keepdims=True)
    return mx.array(np.exp(below, out=below))


class _Sight:
    """Which positions a query sees."""

    def __init__(self, mask: mx.array | str | None, shape: tuple[int, ...], positions: int) -> None:
        """``shape``: (B, G, L, H / G) of the queries."""
        self._is_causal = isinstance(mask, str)
        self._before = positions - shape[2]
        """The first query."""
        self._hidden: npt.NDArray[np.bool_] | None = None
        self._added: Floats | None = None
        self._firsts = np.zeros(shape[0], dtype=np.int64)
        if mask is None or isinstance(mask, str):
            return
        given = np.array(mask if mask.dtype == mx.bool_ else mask.astype(mx.float32))
        given = given.reshape((1,) * (4 - given.ndim) + given.shape)
        heads = shape[1::2] if given.shape[1] > 1 else (1, 1)
        given = given.reshape(given.shape[0], *heads, *given.shape[2:]).swapaxes(2, 3)
        whole = (*shape, positions)
        seen = given if given.dtype == np.bool_ else given > HIDING
        self._firsts = np.broadcast_to(seen.any((1, 2, 3)), (shape[0], positions)).argmax(axis=1)
        if given.dtype == np.bool_:
            self._hidden = np.broadcast_to(~given, whole)
        else:
            self._added = np.broadcast_to(given, whole)

    def firsts(self, part: Part) -> Numbers:
        """The first position that any query of a text sees, for each text of a part and each of
        its groups."""
        return np.repeat(self._firsts[part[0]], part[1].stop - part[1].start)

    def hide(self, scores: Floats, part: Part) -> None:
        """Put ``MASKED`` where a query of the part does not see a key; or add what is to be added
        there."""
        if self._is_causal:
            first, end = part[2].start, part[2].stop
            behind = scores[..., self._before + first + 1 :]
            seen = (
                np.arange(first + 1, first + 1 + behind.shape[-1]) <= np.arange(first, end)[:, None]
            )
            np.copyto(behind, MASKED, where=~seen[:, None, :])
        elif self._hidden is not None:
            np.copyto(scores, MASKED, where=self._hidden[part])
        elif self._added is not None:
            scores += self._added[part]


def _array(array: mx.array) -> Floats:
    """A view, unless its rows are not in one piece."""
    view: Floats = np.array(array, copy=False)
    return view if view.strides[-1] == view.itemsize else np.ascontiguousarray(view)


def _parts(shape: tuple[int, int, int], most: int) -> Iterator[Part]:
    """Parts of the sequences, the groups and their queries, with ``most`` queries each, about."""
    batch, groups, length = shape
    if sequences := most // (groups * length):
        for rows in _pieces(batch, sequences):
            yield rows, slice(0, groups), slice(0, length)
        return
    for row in _pieces(batch, 1):
        for group in _pieces(groups, 1):
            for queries in _pieces(length, max(1, most)):
                yield row, group, queries


def _pieces(length: int, size: int) -> Iterator[slice]:
    for first in range(0, length, size):
        yield slice(first, min(first + size, length))
