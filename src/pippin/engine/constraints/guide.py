"""What one lane may say next."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher

from pippin.engine.constraints.faults import is_memory_full
from pippin.engine.constraints.meter import Meter, ThinkingLimit

Bits = npt.NDArray[np.int32]
"""A bit per token, 32 a word, the lowest token in the lowest bit: whether it is allowed."""
MAX_FORCED = 4096
"""Forced tokens that are known at a time: what is done with them for each pass is linear."""
MAX_RENEWALS = 16
"""Times that a lane's constraint is taken up anew with an empty memory."""


class Form(Protocol):
    """A compiled constraint."""

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        """A fresh one, for one lane. ``alone``: it shares no memory with other lanes'."""


class Guide:
    """Owned by a lane. Knows what the lane's tokens make of its constraint and of its limit on
    thinking. A constraint that becomes too complex to follow makes it ``broken``."""

    def __init__(
        self, form: Form | None, limit: ThinkingLimit | None, *, eos: Sequence[int], min_tokens: int
    ) -> None:
        """``eos``: the tokens that end the lane's text. They are not allowed as long as there are
        fewer than ``min_tokens``, unless nothing else is."""
        self.matcher = form.matcher() if form else None
        self._form = form
        self._consumed: list[int] = []
        self._renewals = 0
        self._meter = Meter(limit) if limit else None
        self._eos = tuple(eos)
        self._min_tokens = min_tokens
        self._tokens = 0
        self._known: deque[int] = deque()
        self._must: list[int] = []
        self._forced: list[int] | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing but the end can follow."""
        return self.matcher is not None and self.matcher.is_stopped() and not self.broken

    @property
    def broken(self) -> bool:
        """Whether the constraint could not be followed any further."""
        return self.matcher is not None and self.matcher.is_error()

    def renew(self) -> bool:
        """Whether a constraint that is broken could be taken up anew.

        The grammar engine remembers all that it has looked at, as much as it may, for all lanes of
        a form together. What the text itself needs is a small part of that, so a long text goes on
        with an empty memory, through which only its own tokens have gone.
        """
        if self._form is None or self.matcher is None or not self.broken:
            return False
        if self._renewals >= MAX_RENEWALS or not is_memory_full(self.matcher.get_error()):
            return False
        self._renewals += 1
        fresh = self._form.matcher(alone=True)
        for token in self._consumed:
            if not fresh.consume_token(token):
                return False
        self.matcher = fresh
        self._forced = None
        return True

    def forced(self) -> list[int]:
        """The tokens that must come next, as far as they are certain; mostly none."""
        if self._known:
            return [self._known[0]]
        if self._must:
            return self._must
        if self._forced is None:
            self._forced = self._certain()[:MAX_FORCED]
        return self._forced

    def _certain(self) -> list[int]:
        if self.matcher is None:
            return []
        certain = self.matcher.compute_ff_tokens()
        return self.matcher.compute_ff_tokens() if self.renew() else certain

    def sure(self) -> list[int]:
        """The forced tokens after which there is surely another one."""
        forced = self.forced()
        if self.matcher is None or self._known or self._must or not forced:
            return forced
        self.matcher.consume_tokens(forced)
        last = self.matcher.is_stopped()
        self.matcher.rollback(len(forced))
        if self.renew():
            return []
        return forced[:-1] if last else forced

    def expect(self, tokens: Sequence[int]) -> None:
        """Whatever else is allowed, the lane says these tokens next, and surely more."""
        self._known.extend(tokens)

    def accept(self, position: int, token: int) -> None:
        """The lane's token at this position, counted from 0. One that is known already is no
        error: on a device a token is known here before it is known there."""
        if position < self._tokens:
            return
        self._tokens += 1
        if self._forced and self._forced[0] == token:
            # The rest stays certain; to find it anew for each token would be quadratic.
            self._forced = self._forced[1:] or None
        else:
            self._forced = None
        if self.matcher is not None and not self.matcher.is_stopped():
            self._consumed.append(token)
            self.matcher.consume_token(token)
            self.renew()
        if self._known:
            self._known.popleft()
        if self._must:
            self._must = self._must[1:]
        elif self._meter and self._meter.is_over(token):
            self._must = list(self._meter.close)

    def narrow(self, bits: Bits) -> None:
        """Change a row that holds what the matcher allows, or all tokens if there is none, into
        what the lane may say next."""
        if self.broken:
            return
        forced = self.forced()
        if forced:
            bits[:] = 0
            _set(bits, forced[0])
        elif self._eos and self._tokens < self._min_tokens:
            later = bits.copy()
            for token in self._eos:
                _clear(later, token)
            if later.any():
                bits[:] = later


def _set(bits: Bits, token: int) -> None:
    bits.view(np.uint32)[token >> 5] |= np.uint32(1 << (token & 31))


def _clear(bits: Bits, token: int) -> None:
    bits.view(np.uint32)[token >> 5] &= np.uint32(~(1 << (token & 31)) & 0xFFFFFFFF)
