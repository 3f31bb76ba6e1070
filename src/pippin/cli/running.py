"""The running server: its signals, its welcome, and how it ends."""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from types import FrameType

from rich.console import Console

from pippin.api.server import Server
from pippin.cli.welcome import announce, watch_loading
from pippin.fleet.fleet import Fleet
from pippin.settings import Settings

CLEAN, FAILED, INTERRUPTED = 0, 1, 130


def run(
    settings: Settings, fleet: Fleet, sockets: Sequence[socket.socket], console: Console
) -> int:
    """Serve until a signal, or until no model is left to hope for. Returns the exit code."""
    server = WelcomingServer(settings, fleet, console)
    server.run(sockets=list(sockets))
    return server.exit_code


class WelcomingServer(Server):
    """Shows how loading goes, then where it listens. Ends by itself if every model failed."""

    def __init__(self, settings: Settings, fleet: Fleet, console: Console) -> None:
        super().__init__(settings, fleet)
        self.exit_code = CLEAN
        self._settings = settings
        self._fleet = fleet
        self._console = console
        self._welcome: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = sockets[0].getsockname()[1] if sockets else self._settings.port
        self._welcome = asyncio.create_task(self._greet(port))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._welcome is not None:
            self._welcome.cancel()
            await asyncio.wait((self._welcome,))
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: end in order, with exit code 0. A second Ctrl-C: end at once.

        Workers notice the end of their parent by themselves.
        """
        if self.should_exit and sig == signal.SIGINT:
            os._exit(INTERRUPTED)
        self.should_exit = True

    async def _greet(self, port: int) -> None:
        needed = self._fleet.needed
        await watch_loading(needed, self._console)
        if needed and all(model.state in ("failed", "degraded") for model in needed):
            self.exit_code = FAILED
            self.should_exit = True
        else:
            announce(self._settings, self._fleet.models, port, self._console)
