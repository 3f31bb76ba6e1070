"""The tier of remembered runs that is at hand: a budget of bytes, and the least recently used goes
first. Pure arithmetic; what a run carries is the caller's."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic

from pippin.memory.index import Match, PrefixIndex, Run, Tokens
from pippin.memory.runs import P, Piece

EVICTED_KEYS = 8192
"""Of runs that had to make room, so that a miss can be explained."""


class RamTier(Generic[P]):
    """Owned by the engine, on its thread.

    ``budget_bytes``: of all payloads. ``slots``: so many texts at most are remembered apart; None:
    as many as the budget holds.
    """

    def __init__(self, *, needs_state: bool, budget_bytes: int, slots: int | None = None) -> None:
        self._index: PrefixIndex[P] = PrefixIndex(needs_state=needs_state)
        self._budget = budget_bytes
        self._slots = slots
        self._evicted: dict[bytes, None] = {}
        """The keys of evicted runs, the newest last."""
        self.evictions = 0
        """Runs that had to make room, ever."""

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[Run[P]]:
        """All runs, least recently used first."""
        return iter(self._index)

    @property
    def nbytes(self) -> int:
        return self._index.nbytes

    @property
    def tokens(self) -> int:
        return self._index.tokens

    @property
    def leaves(self) -> int:
        return self._index.leaves

    @property
    def budget_bytes(self) -> int:
        """May be set at any time; what no longer fits goes at once."""
        return self._budget

    @budget_bytes.setter
    def budget_bytes(self, budget: int) -> None:
        self._budget = budget
        self._make_room()

    def match(self, tokens: Tokens, keys: Sequence[bytes], limit: int) -> Match[P]:
        """As ``PrefixIndex.match``: not a use."""
        return self._index.match(tokens, keys, limit)

    def touch(self, pieces: Iterable[Piece[P]]) -> None:
        """These were used now."""
        self._index.touch(pieces)

    def add(self, run: Run[P]) -> bool:
        """Hold a run; others may have to go. False: it is not held, since it brings nothing new,
        or is over the budget together with what it lies behind. Nobody had to go then.

        ValueError: as ``PrefixIndex.add``.
        """
        needed = [run, *self._index.before(run)]
        if sum(each.payload.nbytes for each in needed) > self._budget:
            return False
        if not self._index.add(run):
            return False
        self._make_room()
        return run.held

    def forget(self, pieces: Iterable[Piece[P]]) -> None:
        """Let go of these runs and of all that lie behind them: they are not trusted."""
        for piece in pieces:
            self._index.remove(piece.run)

    def clear(self) -> None:
        """Let go of everything, also of what is known of evicted runs."""
        while run := self._index.oldest:
            self._index.remove(run)
        self._evicted.clear()

    def was_evicted(self, key: bytes) -> bool:
        """Whether a run that reached this boundary had to make room lately."""
        return key in self._evicted

    def check(self) -> None:
        """ValueError: the books are wrong."""
        self._index.check()
        if self.nbytes > self._budget or len(self._evicted) > EVICTED_KEYS:
            raise ValueError("more is held than the budget allows")

    def _make_room(self) -> None:
        while self._is_full and (run := self._index.oldest):
            self._index.remove(run)
            self.evictions += 1
            self._remember_evicted(run)

    @property
    def _is_full(self) -> bool:
        crowded = self._slots is not None and self._index.leaves > self._slots
        return crowded or self._index.nbytes > self._budget

    def _remember_evicted(self, run: Run[P]) -> None:
        # Its deepest keys first: they say least, so they are the first to be forgotten.
        for key in reversed(run.keys[1:]):
            self._evicted.pop(key, None)
            self._evicted[key] = None
        while len(self._evicted) > EVICTED_KEYS:
            del self._evicted[next(iter(self._evicted))]
