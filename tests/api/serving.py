"""A real server on a free port, in a thread, for tests that need a socket."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pippin.api.ports import Fleet
from pippin.api.server import Server
from pippin.settings import Settings


@contextmanager
def running(settings: Settings, fleet: Fleet) -> Iterator[str]:
    """Yields the base URL."""
    server = Server(settings, fleet)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
