"""Which Host headers are answered: the guard against DNS rebinding.

A web page can point its own name at 127.0.0.1 and so read a local server's answers; the Host
header still carries that name (Ollama, CVE-2024-28224).
"""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from pippin.errors import HostRefused

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
"""No path, no user, no space: a Host that is anything else is refused."""


class Hosts:
    """Refuses requests whose one Host header is malformed or names none of ``allowed``.

    ``allowed`` ``None`` takes every well-formed name: for servers that are meant to be reached
    from elsewhere, where a key is the guard.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] | None) -> None:
        self.app = app
        self.allowed = None if allowed is None else frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check([value for name, value in scope["headers"] if name == b"host"])
        await self.app(scope, receive, send)

    def _check(self, hosts: list[bytes]) -> None:
        if self.allowed is None and not hosts:
            return
        if len(hosts) != 1:
            raise HostRefused("The request needs exactly one Host header.")
        match = HOST.fullmatch(hosts[0].decode("latin-1").lower())
        if match is None:
            raise HostRefused("The Host header is malformed.")
        if self.allowed is not None and match["name"] not in self.allowed:
            raise HostRefused(
                "This server does not answer to that Host name. Use localhost, or start it with "
                "--allowed-host NAME."
            )
