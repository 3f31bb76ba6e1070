"""A sequence of tokens as the memory of prompts knows it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pippin.memory.blocks import BLOCK, chain
from pippin.memory.runs import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Tokens of one sequence, and the keys of their blocks."""

    tokens: Tokens
    keys: tuple[bytes, ...]
    """``keys[0]`` is the root: model and salt."""
    era: int = 0
    """How often everything had been forgotten when this was sent: what is older than the last
    time is not remembered any more."""

    @classmethod
    def of(cls, root: bytes, tokens: Sequence[int], era: int = 0) -> "Text":
        array = np.array(tokens, dtype=np.int32)
        return cls(array, chain(root, array), era)

    def extended(self, more: Sequence[int]) -> "Text":
        """This text and further tokens."""
        tokens = np.concatenate([self.tokens, np.array(more, dtype=np.int32)])
        whole = (len(self.keys) - 1) * BLOCK
        return Text(tokens, self.keys[:-1] + chain(self.keys[-1], tokens[whole:]), self.era)

    def until(self, length: int) -> "Text":
        """Its first tokens."""
        return Text(self.tokens[:length], self.keys[: length // BLOCK + 1], self.era)

    def __len__(self) -> int:
        return len(self.tokens)
