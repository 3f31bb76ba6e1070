"""Which runs touch which block boundary, and the walk along them. Pure arithmetic.

A key only finds candidates: tokens are compared at every step. And no two texts are held under one
key (a hash that somebody forged), so that a run is found behind its own text only.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple

import numpy as np

from pippin.memory.blocks import BLOCK
from pippin.memory.runs import P, Piece, Run, Tokens
from pippin.memory.siblings import Siblings


class Walk(NamedTuple, Generic[P]):
    """How far a text agrees with what is held."""

    pieces: list[Piece[P]]
    """Each begins at a boundary, before the end of the last one or at it."""
    seen: int
    """The position up to which the tokens agree."""
    rival: int | None
    """What is held there instead, where both go on."""


class Boundaries(Generic[P]):
    """Owned by a ``PrefixIndex``, which enters a run only behind one that is entered."""

    def __init__(self) -> None:
        self._reaching: dict[bytes, list[Run[P]]] = {}
        """By key: the few runs that reach the boundary from before it."""
        self._beginning: dict[bytes, Siblings[P]] = {}
        """By key: those that begin there."""

    def enter(self, run: Run[P]) -> None:
        """ValueError: one of the run's keys names another text here. Nothing is entered then."""
        self._demand_same_texts(run)
        first, *others = run.keys
        self._beginning.setdefault(first, Siblings(run.start)).add(run)
        for key in others:
            self._reaching.setdefault(key, []).append(run)

    def leave(self, run: Run[P]) -> None:
        first, *others = run.keys
        self._beginning[first].remove(run)
        if not self._beginning[first]:
            del self._beginning[first]
        for key in others:
            self._reaching[key].remove(run)
            if not self._reaching[key]:
                del self._reaching[key]

    def parent(self, run: Run[P]) -> Run[P] | None:
        """The run that leads up to this one's start; None: it starts at the root.

        ValueError: no run does.
        """
        if run.start == 0:
            return None
        # The newest: of two runs that hold the same tokens it is the longer one.
        for found in reversed(self._runs_to(run.keys[0], run.start)):
            return found
        raise ValueError("the beginning of a run is not remembered")

    def walk(self, tokens: Tokens, keys: Sequence[bytes], start: int = 0) -> Walk[P]:
        """As far as what is held agrees with ``tokens``, which begin at ``start``; ``keys`` are
        theirs, all of them. Each step goes along one run, to the last boundary that it reaches."""
        pieces: list[Piece[P]] = []
        at = block = 0
        while block + 1 < len(keys):
            run = self._longest(tokens[at:], keys[block], keys[block + 1], start + at)
            if run is None:
                break
            reached = at + _agreement(run, start + at, tokens[at:])
            pieces.append(Piece(run, start + at, start + reached))
            block = reached // BLOCK
            at = block * BLOCK
        return self._tail(pieces, tokens[at:], keys[block], start + at)

    def ending(self, key: bytes, position: int, tokens: Tokens) -> list[Run[P]]:
        """The runs whose last boundary this is: they end here, or less than a block behind. Of
        those that begin here, only such as ``tokens``, which go on here, begin with."""
        siblings = self._siblings(key, position)
        return [
            *(run for run in self._runs_to(key, position) if run.end - position < BLOCK),
            *(siblings.within(tokens) if siblings else ()),
        ]

    def check(self, runs: Iterable[Run[P]]) -> None:
        """ValueError: these runs, and no others, are not what is entered, each at all its keys."""
        right = Counter((key, run) for run in runs for key in run.keys)
        none_empty = all(self._reaching.values()) and all(self._beginning.values())
        if Counter(self._entered()) != right or not none_empty:
            raise ValueError("the entries of boundaries are not those of the runs")

    def _entered(self) -> Iterator[tuple[bytes, Run[P]]]:
        for key, siblings in self._beginning.items():
            yield from ((key, run) for run in siblings.runs)
        for key, found in self._reaching.items():
            yield from ((key, run) for run in found)

    def _runs_to(self, key: bytes, position: int) -> list[Run[P]]:
        return [run for run in self._reaching.get(key, ()) if _key_at(run, position) == key]

    def _siblings(self, key: bytes, position: int) -> Siblings[P] | None:
        found = self._beginning.get(key)
        return found if found and found.start == position else None

    def _longest(self, tokens: Tokens, key: bytes, next_key: bytes, low: int) -> Run[P] | None:
        """The run that agrees longest with ``tokens``, from a boundary on, if with a block at
        least: so it touches the next boundary as well."""
        found = self._runs_to(next_key, low + BLOCK)
        agreed = {run: _agreement(run, low, tokens) for run in found if _key_at(run, low) == key}
        run = max(agreed, key=agreed.__getitem__, default=None)
        return run if run and agreed[run] >= BLOCK else None

    def _tail(self, pieces: list[Piece[P]], tokens: Tokens, key: bytes, low: int) -> Walk[P]:
        """The end of a walk: less than a block of ``tokens``, which go on at position ``low``."""
        near = tokens[:BLOCK]
        siblings = self._siblings(key, low)
        found = [*self._runs_to(key, low), *(siblings.beside(near) if siblings else ())]
        agreed = {run: _agreement(run, low, near) for run in found}
        longest = max(agreed.values(), default=0)
        best = [run for run, agrees in agreed.items() if agrees == longest]
        seen = low + longest
        if seen > (pieces[-1].high if pieces else low):
            pieces.append(Piece(best[0], low, seen))
        rivals = [run for run in best if run.end > seen and longest < len(near)]
        rival = int(rivals[0].tokens[seen - rivals[0].start]) if rivals else None
        return Walk(pieces, seen, rival)

    def _demand_same_texts(self, run: Run[P]) -> None:
        for i, key in enumerate(run.keys):
            position = run.start + i * BLOCK
            siblings = self._beginning.get(key)
            elsewhere = siblings is not None and siblings.start != position
            reaching = self._reaching.get(key, ())
            if elsewhere or not all(_same_text(run, other, position) for other in reaching):
                raise ValueError("one key names two texts")


def cut(pieces: Sequence[Piece[P]], length: int) -> tuple[Piece[P], ...]:
    """A walk's pieces, each up to the next one's beginning, all up to ``length``."""
    highs = [*(piece.low for piece in pieces[1:]), length]
    return tuple(
        Piece(piece.run, piece.low, min(high, length))
        for piece, high in zip(pieces, highs, strict=False)
        if piece.low < length
    )


def _key_at(run: Run[P], position: int) -> bytes | None:
    block = (position - run.start) // BLOCK
    return run.keys[block] if 0 <= block < len(run.keys) else None


def _agreement(run: Run[P], position: int, tokens: Tokens) -> int:
    """How many of ``tokens`` are the run's own from ``position`` on."""
    mine = run.tokens[position - run.start :][: len(tokens)]
    differs = mine != tokens[: len(mine)]
    return int(differs.argmax()) if differs.any() else len(mine)


def _same_text(run: Run[P], other: Run[P], position: int) -> bool:
    """Whether two runs with one key at ``position`` share what is known of the block before it. By
    induction from the root, they share the whole text then."""
    if _key_at(run, position) != _key_at(other, position):
        return False
    low = position - BLOCK
    if low < max(run.start, other.start):
        return True
    return _key_at(run, low) == _key_at(other, low) and np.array_equal(
        run.tokens[low - run.start :][:BLOCK], other.tokens[low - other.start :][:BLOCK]
    )
