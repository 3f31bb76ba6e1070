"""The log: readable lines on stderr, at the level of the settings."""

import logging
import sys

from rich.console import Console
from rich.logging import RichHandler

# A client or a model chose parts of some lines: they must not move the cursor or fake a line.
ESCAPES = {code: repr(chr(code))[1:-1] for code in (*range(9), *range(10, 32), *range(127, 160))}

QUIET = ("uvicorn", "asyncio", "httpx", "httpcore")
"""Libraries that speak of their own doings: heard from warnings up, or in debug."""


def configure_logging(level: str, console: Console) -> None:
    """Set up the root logger of this process. In a terminal with colours, else plain.

    If ``console`` shows on the same terminal, lines go through it, so that a progress bar
    and the log do not write over each other.
    """
    handler: logging.Handler
    if sys.stderr.isatty():
        shown = console if console.is_terminal else Console(stderr=True)
        handler = RichHandler(console=shown, show_path=False, log_time_format="%X")
        handler.setFormatter(OneLine("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


class OneLine(logging.Formatter):
    """Control characters in a message are written as escapes, so a message is one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(ESCAPES)
        return super().formatMessage(record)
