"""``python -m pippin.worker --convert``: one model converted into a folder, for ``pippin convert``.

Standard output carries what is told (``core.conversion``), and nothing else.
"""

import logging
import signal
import sys
from pathlib import Path
from types import FrameType

from pippin.core.conversion import Conversion, Converted, Refused
from pippin.models.converted import convert_into
from pippin.models.errors import CannotLoad
from pippin.models.resolve import resolve
from pippin.worker.teller import Teller

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
