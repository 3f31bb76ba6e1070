"""What an idle engine may hold: nothing but what it remembers."""

from collections.abc import Mapping

import mlx.core as mx

from pippin.engine.failures import IntegrityError
from pippin.memory.prompts import PromptMemory

SLACK_BYTES = 1 << 20
"""Some models keep small constants per shape that they have seen."""


class Books:
    """Owned by the engine, on its thread. To be made before anything is computed."""

    def __init__(self, memory: PromptMemory | None) -> None:
        self._memory = memory
        self._idle_bytes = self._bytes_in_use()

    def check(self, held: Mapping[str, int]) -> None:
        """See that every byte is accounted for, and that none of these things is left. Unused
        memory goes back to the system.

        Raises:
            IntegrityError: something is left over.
        """
        mx.clear_cache()
        leaked = self._bytes_in_use() - self._idle_bytes
        slack = SLACK_BYTES + (self._memory.rounding_bytes if self._memory else 0)
        left = {**held, "device bytes": leaked if leaked > slack else 0}
        if any(left.values()):
            raise IntegrityError(", ".join(f"{n} {what}" for what, n in left.items() if n))
        if self._memory:
            _check(self._memory)

    def _bytes_in_use(self) -> int:
        """But for what is remembered."""
        return mx.get_active_memory() - (self._memory.nbytes if self._memory else 0)


def _check(memory: PromptMemory) -> None:
    try:
        memory.check()
    except ValueError as error:
        raise IntegrityError(f"the memory of prompts: {error}") from error
