"""Whether a worker is alive, by its own signs: it must answer, and what it says must get on."""

import asyncio
from collections.abc import Callable

from pippin.wire.messages import Ping, Pong

INTERVAL_S = 0.5
"""Between two questions; a busy worker answers in a few hundredths of a second."""
LOADING_SILENCE_S = 300.0
"""While a library reads a large file, nothing else of the process may run."""
SILENT_AFTER_S = 1.5
"""Without an answer, then it counts as unresponsive: whoever asks for health is told within two
seconds."""


class Pulse:
    """Asks a worker for signs of life. Owned by the worker's life; on the event loop.

    Anything that a worker sends is a sign of life, so one that is busy telling tokens need not
    hurry with its ``Pong``. Silence is counted in questions without an answer, not by the clock:
    what a server that was itself stopped for a while has not read yet is no silence.
    """

    def __init__(self, send: Callable[[Ping], None], silence_s: float) -> None:
        """``silence_s``: without any sign, then ``lost`` returns; not less than
        ``LOADING_SILENCE_S`` before it is ready."""
        self._send = send
        self._ready_silence_s = silence_s
        self._silence_s = max(silence_s, LOADING_SILENCE_S)
        self._count = 0
        self._unanswered = 0
        self._heard = _now()
        self.told: Pong | None = None
        """Its last word about itself."""

    def heard(self) -> None:
        """Something came."""
        self._heard, self._unanswered = _now(), 0

    def ready(self) -> None:
        """It has loaded its model."""
        self._silence_s = self._ready_silence_s

    def answered(self, pong: Pong) -> None:
        self.told = pong

    @property
    def silent_s(self) -> float:
        """Seconds since the last sign of life."""
        return _now() - self._heard

    @property
    def unresponsive(self) -> bool:
        return self.silent_s > SILENT_AFTER_S

    async def lost(self) -> str:
        """Ask again and again. Returns when it was silent for too long: in words."""
        self.heard()
        while self._unanswered * INTERVAL_S < self._silence_s:
            self._count += 1
            self._unanswered += 1
            self._send(Ping(self._count))
            await asyncio.sleep(INTERVAL_S)
        return f"its worker gave no sign of life for {self._silence_s:g} s"


def _now() -> float:
    return asyncio.get_running_loop().time()
