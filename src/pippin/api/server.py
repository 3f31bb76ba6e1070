"""Runs the app: uvicorn with every limit named."""

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
DRAIN_S = 10
"""Seconds that running answers get to finish when the server is told to stop."""


class Server(uvicorn.Server):
    """One listening server. ``should_exit`` ends it from another task or thread."""

    def __init__(self, settings: Settings, fleet: Fleet) -> None:
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
                timeout_graceful_shutdown=DRAIN_S,
                backlog=2048,
            )
        )
