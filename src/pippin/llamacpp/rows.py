"""The sequences of a cache: which are in use, and what those that ended still hold.

A prompt that begins like another sequence, one that ended or one that runs, begins with that one's
cells: nothing is computed or copied. What is remembered gives way to what is needed.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pippin.core.memory import MemoryFigures, Tier
from pippin.llamacpp.native import Cache
from pippin.memory.blocks import root_key
from pippin.memory.explanation import Explanation
from pippin.memory.text import Text

Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Held:
    """What a sequence holds."""

    root: bytes
    """Of its text: sequences of other roots know nothing of it."""
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """Of what is remembered."""

    tokens: int
    """0: nothing is."""
    sequences: int
    least: int = 32
    """Tokens: less is not worth it."""


class Rows:
    """Owned by the engine, on its thread; ``text`` is for any."""

    def __init__(
        self, cache: Cache, *, fingerprint: bytes, limits: Limits, token_bytes: int
    ) -> None:
        self._cache = cache
        self._fingerprint = fingerprint
        self._limits = limits
        self._token_bytes = token_bytes
        self._era = 0
        self._free = list(range(cache.sequences))
        self._running: dict[int, Held] = {}
        """Of the sequences in use, those that others may begin with."""
        self._ended: OrderedDict[int, Held] = OrderedDict()
        """The longest unused first."""
        self._evicted = self._prompts = self._hits = self._asked = self._reused = 0

    # -- sequences -------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """Sequences that may be taken."""
        return len(self._free) + len(self._ended)

    def take(self) -> int:
        """An empty sequence; there must be one."""
        if not self._free:
            self._evict()
        return self._free.pop()

    def fork(self, sequence: int) -> int:
        """Another sequence with all that this one has."""
        copy = self.take()
        self._cache.fork(sequence, copy)
        return copy

    def free(self, sequence: int) -> None:
        """A sequence is not to be used any more, by anybody."""
        self._running.pop(sequence, None)
        self._cache.forget(sequence)
        self._free.append(sequence)

    def make_room(self, tokens: int) -> None:
        """See that what is remembered and ``tokens`` that are in use or will be fit the cells."""
        while self._ended and self._remembered + tokens > self._cache.cells:
            self._evict()

    def forget_all(self) -> bool:
        """Whether anything was remembered."""
        had = bool(self._ended)
        while self._ended:
            self._evict()
        return had

    # -- what is remembered ----------------------------------------------------------------------

    def text(self, salt: str, tokens: Sequence[int], adapter: bytes = b"") -> Text:
        """A prompt as it is remembered. Any thread."""
        return Text.of(root_key(self._fingerprint + adapter, salt), tokens, self._era)

    def recall(self, text: Text | None, sequence: int, limit: int) -> tuple[int, Explanation]:
        """How many of the first ``limit`` tokens an empty sequence now has, and why no more."""
        if text is None or not self._limits.tokens:
            return 0, Explanation("none", 0, "off")
        self._prompts += 1
        self._asked += limit
        source, common = self._most_alike(text)
        length = min(common, limit)
        if length < max(1, self._limits.least) or not self._cache.share(source, sequence, length):
            length = 0
        elif source in self._ended:
            self._ended.move_to_end(source)
        self._hits += length > 0
        self._reused += length
        return length, self._explained(text, source, common, length, limit)

    def runs(self, sequence: int, text: Text | None, tokens: Sequence[int]) -> None:
        """A sequence in use holds these tokens, and others may begin with them."""
        if text is not None and text.era == self._era and self._limits.tokens:
            self._running[sequence] = Held(text.keys[0], np.array(tokens, np.int32))

    def ended(self, sequence: int, text: Text | None, tokens: Sequence[int]) -> None:
        """A sequence that holds these tokens is not in use any more."""
        self._running.pop(sequence, None)
        wanted = text is not None and text.era == self._era
        if (
            text is None
            or not wanted
            or not self._limits.least <= len(tokens) <= self._limits.tokens
        ):
            self.free(sequence)
            return
        held = Held(text.keys[0], np.array(tokens, np.int32))
        for other in [o for o, each in self._ended.items() if _begins_with(held, each)]:
            del self._ended[other]
            self.free(other)
        self._ended[sequence] = held
        limits = self._limits
        while self._remembered > limits.tokens or len(self._ended) > limits.sequences:
            self._evict()

    def forget(self, text: Text | None) -> None:
        """What begins with what can be remembered of a text may be broken: nobody else is to begin
        with it."""
        if text is None:
            return
        least = max(1, self._limits.least)
        for sequence in [one for one, held in self._ended.items() if _alike(held, text, least)]:
            del self._ended[sequence]
            self.free(sequence)
        for sequence in [one for one, held in self._running.items() if _alike(held, text, least)]:
            del self._running[sequence]

    def clear(self) -> None:
        """Forget every prompt, also those that run."""
        self._era += 1
        self._running.clear()
        self.forget_all()

    @property
    def in_use(self) -> int:
        """Sequences that are neither free nor remembered."""
        return self._cache.sequences - self.available

    @property
    def figures(self) -> MemoryFigures:
        size = self._token_bytes
        return MemoryFigures(
            enabled=self._limits.tokens > 0,
            ram_bytes=self._remembered * size,
            ram_budget_bytes=self._limits.tokens * size,
            ram_runs=len(self._ended),
            ram_tokens=self._remembered,
            prompts=self._prompts,
            hits=self._hits,
            prompt_tokens=self._asked,
            cached_tokens=self._reused,
            evicted_runs=self._evicted,
        )

    @property
    def _remembered(self) -> int:
        """Tokens, as if none were shared."""
        return sum(len(held.tokens) for held in self._ended.values())

    def _evict(self) -> None:
        sequence, _ = self._ended.popitem(last=False)
        self.free(sequence)
        self._evicted += 1

    def _most_alike(self, text: Text) -> tuple[int, int]:
        """The sequence that begins most like a text, and how many tokens that is."""
        best, most = -1, 0
        for sequence, held in (*self._ended.items(), *self._running.items()):
            if held.root == text.keys[0] and (common := _common(held.tokens, text.tokens)) > most:
                best, most = sequence, common
        return best, most

    def _explained(
        self, text: Text, source: int, common: int, length: int, limit: int
    ) -> Explanation:
        tier: Tier = "ram" if length else "none"
        if length == limit:
            return Explanation(tier, length, "whole")
        if not common:
            return Explanation(tier, length, "unknown")
        if limit < self._limits.least:
            return Explanation(tier, length, "short")
        held = self._ended.get(source) or self._running.get(source)
        if held is None or common == len(held.tokens) or common >= len(text):
            return Explanation(tier, length, "ends")
        asked, remembered = int(text.tokens[common]), int(held.tokens[common])
        return Explanation(tier, length, "differs", common, asked, remembered)


def _common(a: Tokens, b: Tokens) -> int:
    """Tokens that both begin with."""
    shorter = min(len(a), len(b))
    differ = a[:shorter] != b[:shorter]
    return int(differ.argmax()) if differ.any() else shorter


def _alike(held: Held, text: Text, least: int) -> bool:
    return held.root == text.keys[0] and _common(held.tokens, text.tokens) >= least


def _begins_with(whole: Held, part: Held) -> bool:
    return whole.root == part.root and _common(whole.tokens, part.tokens) == len(part.tokens)
