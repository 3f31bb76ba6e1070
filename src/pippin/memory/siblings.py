"""The runs that begin at one boundary. Pure arithmetic.

There may be thousands: all conversations behind one system prompt. So they stand in the order of
their first blocks, and those that agree longest with a text stand beside its place in that order.
"""

from bisect import bisect_left
from typing import Generic

from pippin.memory.blocks import BLOCK
from pippin.memory.runs import P, Run, Tokens


class Siblings(Generic[P]):
    """Owned by a ``Boundaries``."""

    def __init__(self, start: int) -> None:
        """``start``: of all of them."""
        self.start = start
        self._heads: list[bytes] = []
        """The first block of each, or all tokens of one that is shorter; sorted."""
        self._runs: list[Run[P]] = []
        """In the same order."""

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def runs(self) -> tuple[Run[P], ...]:
        return tuple(self._runs)

    def add(self, run: Run[P]) -> None:
        at = self._place(run.tokens)
        self._heads.insert(at, _head(run.tokens))
        self._runs.insert(at, run)

    def remove(self, run: Run[P]) -> None:
        """ValueError: it is none of them."""
        at = self._runs.index(run, self._place(run.tokens))
        del self._heads[at], self._runs[at]

    def beside(self, tokens: Tokens) -> list[Run[P]]:
        """Two at most: among them are one that agrees longest with the first block of ``tokens``
        and, if any of those goes on behind what agrees, one that does."""
        at = self._place(tokens)
        return self._runs[max(0, at - 1) : at + 1]

    def within(self, tokens: Tokens) -> list[Run[P]]:
        """Those that are shorter than a block, and all of whose tokens ``tokens`` begins with."""
        found = []
        for length in range(1, min(len(tokens), BLOCK - 1) + 1):
            at, head = self._place(tokens[:length]), _head(tokens[:length])
            while at < len(self._heads) and self._heads[at] == head:
                found.append(self._runs[at])
                at += 1
        return found

    def _place(self, tokens: Tokens) -> int:
        """Before all whose first blocks are not less."""
        return bisect_left(self._heads, _head(tokens))


def _head(tokens: Tokens) -> bytes:
    return tokens[:BLOCK].tobytes()
