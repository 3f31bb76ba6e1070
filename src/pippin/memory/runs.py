"""The nouns of the memory of prompts: runs of tokens, and what a prompt finds of them."""

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]


class Payload(Protocol):
    """What a run carries."""

    @property
    def nbytes(self) -> int:
        """Constant while the run is held."""


P = TypeVar("P", bound=Payload)


@dataclass(eq=False, slots=True, weakref_slot=True)
class Run(Generic[P]):
    """Consecutive tokens of one text, with what was computed for them. Compared by identity."""

    start: int
    """Its first token's position in the text, a multiple of ``BLOCK``."""
    tokens: Tokens
    """Its own, at least one."""
    keys: tuple[bytes, ...]
    """``keys[i]`` names the first ``start + i * BLOCK`` tokens of the text, for all boundaries
    from ``start`` to ``end``."""
    payload: P
    has_state: bool = False
    """It carries the state, at its very end, of the layers that cannot be cut."""
    held: bool = field(default=False, init=False)
    """Whether an index holds it. Set by the index only."""

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Piece(Generic[P]):
    """The part of a prompt, from ``low`` to before ``high``, that a run covers. Positions are the
    text's: the run's own token at ``low`` is its ``low - run.start``-th."""

    run: Run[P]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Match(Generic[P]):
    """What is remembered of a prompt."""

    pieces: tuple[Piece[P], ...]
    """One after another, they cover the first ``length`` tokens."""
    length: int
    """Tokens that can be reused."""
    seen: int
    """Tokens that are the same as remembered ones, whether they can be reused or not."""
    rival: int | None
    """The token that is remembered at position ``seen``, where the prompt has another one; None:
    one of the two ends there."""
