"""Runs the app: uvicorn with every limit named."""

import asyncio
import math
import socket

import uvicorn

from pippin.api.app import create_app
from pippin.api.ports import Fleet
from pippin.api.protocol import BoundedHttpProtocol
from pippin.settings import Settings

MAX_CONNECTIONS = 4096
"""Open connections, and requests in progress, beyond which new ones get 503 at once."""
IDLE_CONNECTION_S = 75
"""Longer than the 60 seconds after which most clients and proxies drop an idle connection
themselves, so that none of them writes into one that is just being closed."""
DRAIN_S = 10.0
"""Seconds that running answers get to finish when the server is told to stop. Then each is
ended with an error of its own."""
FAREWELL_S = 5
"""Seconds in which those errors must have been sent. What is left then is cut off."""


class Server(uvicorn.Server):
    """One listening server. ``should_exit`` ends it from another task or thread."""

    drain_s = DRAIN_S

    def __init__(self, settings: Settings, fleet: Fleet) -> None:
        self._answering = fleet
        protocol = type(
            "HttpProtocol", (BoundedHttpProtocol,), {"head_timeout_s": settings.receipt_timeout_s}
        )
        super().__init__(
            uvicorn.Config(
                create_app(settings, fleet),
                host=settings.host.strip("[]"),
                port=settings.port,
                http=protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=IDLE_CONNECTION_S,
                timeout_graceful_shutdown=math.ceil(self.drain_s) + FAREWELL_S,
                backlog=2048,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers finish, end those that do not, and stop the fleet."""
        loop = asyncio.get_running_loop()
        ending = loop.call_later(self.drain_s, self._answering.end_answers)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()
