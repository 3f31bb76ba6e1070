"""``python -m pippin.worker --convert``: one model converted into a folder, for ``pippin convert``.

Standard output carries what is told (``core.conversion``), and nothing else.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import msgspec

from pippin.core.conversion import Advanced, Conversion, Converted, Refused, Told
from pippin.models.converted import convert_into
from pippin.models.errors import CannotLoad
from pippin.models.resolve import resolve

INTERRUPTED = 130
ENDING = (signal.SIGINT, signal.SIGTERM)


def main(asked: Conversion) -> int:
    """The exit code: 0 unless it was interrupted."""
    logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stderr)
    for number in ENDING:
        signal.signal(number, _interrupt)
    teller = Teller()
    try:
        source = resolve(asked.model, teller.advance)
        size = convert_into(source, asked.wanted, Path(asked.output), teller.advance)
    except CannotLoad as error:
        teller.tell(Refused(str(error)))
    except OSError as error:
        teller.tell(Refused(f"{asked.output} cannot be written: {error.strerror}."))
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        teller.tell(Converted(size))
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Go, and clean up undisturbed."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


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

    def tell(self, told: Told) -> None:
        self._out.write(msgspec.json.encode(told) + b"\n")
