"""Which beginning of a prompt is remembered: an index over runs of tokens. Pure arithmetic.

A run is a stretch of one text that was remembered in one go. Runs lie behind one another, as a
tree: where texts part, a new run begins at the last block boundary before the difference, so at
most ``BLOCK - 1`` tokens are held twice and nothing is ever split.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic

import numpy as np

from pippin.memory.blocks import BLOCK
from pippin.memory.boundaries import Boundaries, cut
from pippin.memory.runs import Match, P, Payload, Piece, Run, Tokens

__all__ = ["Match", "Payload", "Piece", "PrefixIndex", "Run", "Tokens"]


class PrefixIndex(Generic[P]):
    """The runs of one tier, and the order in which they were used. Belongs to the tier, which
    sees to it that one thread at a time is in here.

    ``needs_state``: the model has layers that cannot be cut, so a prompt can only go on where a
    run with a state ends. The last piece of a match is then such a run, up to its end.
    """

    def __init__(self, *, needs_state: bool) -> None:
        self._needs_state = needs_state
        self._boundaries: Boundaries[P] = Boundaries()
        self._parents: OrderedDict[Run[P], Run[P] | None] = OrderedDict()
        """Each run that is held and the one it lies behind; least recently used first."""
        self._children: dict[Run[P], set[Run[P]]] = {}
        """The inverse, for runs that have any."""
        self._nbytes = 0
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._parents)

    def __iter__(self) -> Iterator[Run[P]]:
        """All runs, least recently used first."""
        return iter(self._parents)

    @property
    def nbytes(self) -> int:
        """Of all payloads."""
        return self._nbytes

    @property
    def tokens(self) -> int:
        """Of all runs; those that are held twice count twice."""
        return self._tokens

    @property
    def leaves(self) -> int:
        """Runs that no other lies behind: about as many as there are different texts."""
        return len(self._parents) - len(self._children)

    @property
    def oldest(self) -> Run[P] | None:
        """The least recently used run. No other lies behind it: to use a run is to use, after it,
        the runs that it lies behind."""
        return next(iter(self._parents), None)

    def match(self, tokens: Tokens, keys: Sequence[bytes], limit: int) -> Match[P]:
        """The longest reusable beginning of ``tokens``, at most ``limit`` of them. ``keys`` are
        theirs, the root's first. Does not count as a use.

        ValueError: the keys are not as many as the tokens have boundaries.
        """
        if len(keys) != len(tokens) // BLOCK + 1:
            raise ValueError("a prompt's tokens and keys do not belong together")
        walk = self._boundaries.walk(tokens, keys)
        most = max(0, min(walk.seen, limit))
        if not self._needs_state:
            return Match(cut(walk.pieces, most), most, walk.seen, walk.rival)
        last = self._deepest_state(tokens, keys, most)
        if last is None:
            return Match((), 0, walk.seen, walk.rival)
        pieces = (*cut(walk.pieces, last.start), Piece(last, last.start, last.end))
        return Match(pieces, last.end, walk.seen, walk.rival)

    def add(self, run: Run[P]) -> bool:
        """Hold a run, as the most recently used but for those that it lies behind. False: it
        brings nothing new, neither a token nor a state; what is held instead counts as used.

        ValueError: it is not whole in itself, nothing that is held leads up to it, or one of its
        keys names another text here. Nothing has changed then.
        """
        _demand_whole(run)
        parent = self._boundaries.parent(run)
        walk = self._boundaries.walk(run.tokens, run.keys, run.start)
        if walk.seen == run.end and not self._brings_state(run):
            self.touch(walk.pieces)
            return False
        self._boundaries.enter(run)
        if parent:
            self._children.setdefault(parent, set()).add(run)
        self._parents[run] = parent
        self._nbytes += run.payload.nbytes
        self._tokens += len(run.tokens)
        run.held = True
        self._use([run])
        return True

    def remove(self, run: Run[P]) -> list[Run[P]]:
        """Let go of a run and of all that lie behind it. Returns them, each before those that lie
        behind it; none, if the run is not held."""
        if run not in self._parents:
            return []
        gone = [run]
        for each in gone:
            gone += self._children.get(each, ())
        for each in reversed(gone):
            self._drop(each)
        return gone

    def touch(self, pieces: Iterable[Piece[P]]) -> None:
        """These were used now. Runs that are no longer held are passed over."""
        self._use([piece.run for piece in pieces if piece.run in self._parents])

    def before(self, run: Run[P]) -> list[Run[P]]:
        """The runs that a run lies behind, or would lie behind if it were added; nearest first.

        ValueError: nothing that is held leads up to it.
        """
        held = run in self._parents
        parent = self._parents[run] if held else self._boundaries.parent(run)
        chain: list[Run[P]] = []
        while parent:
            chain.append(parent)
            parent = self._parents[parent]
        return chain

    def check(self) -> None:
        """ValueError: the books are wrong, so what a prompt would find cannot be trusted."""
        runs = list(self._parents)
        self._boundaries.check(runs)
        order = {run: age for age, run in enumerate(runs)}
        for run, parent in self._parents.items():
            _demand_whole(run)
            if not run.held or (parent is None) != (run.start == 0):
                raise ValueError("a run is not where it should be")
            if parent and not (order[run] < order.get(parent, -1) and _leads_to(parent, run)):
                raise ValueError("the beginning of a run is not held, or older than the run")
        behind = [(run, parent) for parent, family in self._children.items() for run in family]
        right = {(run, parent) for run, parent in self._parents.items() if parent}
        if {*behind} != right or not all(self._children.values()):
            raise ValueError("runs and what lies behind them disagree")
        if self._nbytes != sum(run.payload.nbytes for run in runs):
            raise ValueError("the sum of bytes is wrong")
        if self._tokens != sum(len(run.tokens) for run in runs):
            raise ValueError("the sum of tokens is wrong")

    def _use(self, runs: Iterable[Run[P]]) -> None:
        used: set[Run[P]] = set()
        for run in runs:
            each: Run[P] | None = run
            while each and each not in used:
                used.add(each)
                each = self._parents[each]
        for run in sorted(used, key=lambda run: run.start, reverse=True):
            self._parents.move_to_end(run)

    def _deepest_state(self, tokens: Tokens, keys: Sequence[bytes], most: int) -> Run[P] | None:
        """Of the runs with a state that end within the first ``most`` tokens, all of which are
        remembered, the one that ends last."""
        for block in range(most // BLOCK, -1, -1):
            position = block * BLOCK
            found = [
                run
                for run in self._boundaries.ending(keys[block], position, tokens[position:])
                if run.has_state
                and run.end <= most
                and np.array_equal(run.tokens, tokens[run.start : run.end])
            ]
            if found:
                return max(found, key=lambda run: run.end)
        return None

    def _brings_state(self, run: Run[P]) -> bool:
        """Whether its state is wanted and there is none at the same place."""
        last = run.start + len(run.keys) * BLOCK - BLOCK
        tail = run.tokens[last - run.start :]
        return (self._needs_state and run.has_state) and not any(
            other.has_state and np.array_equal(other.tokens[last - other.start :], tail)
            for other in self._boundaries.ending(run.keys[-1], last, tail)
        )

    def _drop(self, run: Run[P]) -> None:
        self._boundaries.leave(run)
        parent = self._parents.pop(run)
        if parent:
            self._children[parent].discard(run)
            if not self._children[parent]:
                del self._children[parent]
        self._nbytes -= run.payload.nbytes
        self._tokens -= len(run.tokens)
        run.held = False


def _demand_whole(run: Run[P]) -> None:
    begins = run.start >= 0 and run.start % BLOCK == 0
    named = len({*run.keys}) == len(run.keys) == len(run.tokens) // BLOCK + 1
    if not (begins and named and len(run.tokens)):
        raise ValueError("a run's start, tokens and keys do not belong together")


def _leads_to(parent: Run[P], run: Run[P]) -> bool:
    block = (run.start - parent.start) // BLOCK
    return 0 < block < len(parent.keys) and parent.keys[block] == run.keys[0]
