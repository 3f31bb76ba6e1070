"""What a process of the worker's kind tells on its standard output: one JSON object a line."""

import os
import sys

import msgspec

from pippin.core.conversion import Advanced


class Teller:
    """Owns standard output: what anybody else prints there goes to standard error."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._told: tuple[str, int] | None = None

    def advance(self, stage: str, done: int, total: int) -> None:
        """Tell how far it is, a hundred times a stage at most."""
        percent = (stage, done * 100 // total if total else 0)
        if percent != self._told:
            self._told = percent
            self.tell(Advanced(stage, done, total))

    def tell(self, told: msgspec.Struct) -> None:
        self._out.write(msgspec.json.encode(told) + b"\n")
