"""API keys. Every path needs one, but for a short list: what is not named is closed."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pippin.core.request import Priority
from pippin.errors import AuthenticationFailed

OPEN_PATHS = frozenset({"/health", "/health/ready"})
"""Compared with ``scope["path"]``, which is the very value that the router matches: no Host
header and no rewriting of the URL comes between (CVE-2026-48710)."""


CALLER = "pippin.caller"
"""Where a request's scope tells who asks."""
LABEL_CHARS = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as a key tells: enough to share work out, and not the key."""

    tenant: str = ""
    """A label of the key; empty on a server without keys."""
    priority: Priority = "interactive"
    """The highest that its requests may have."""


class Keys:
    """Refuses requests that bear none of the keys, and says in the scope who asks. Keeps digests
    only, and logs nothing."""

    def __init__(self, app: ASGIApp, keys: Mapping[Priority, Iterable[SecretStr]]) -> None:
        self.app = app
        self._callers = [
            (_digest(key.get_secret_value()), Caller(_label(key.get_secret_value()), priority))
            for priority, its_keys in keys.items()
            for key in its_keys
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[CALLER] = Caller()
            if self._callers and scope["path"] not in OPEN_PATHS:
                scope[CALLER] = self._check(_borne_key(Headers(scope=scope)))
        await self.app(scope, receive, send)

    def _check(self, key: str | None) -> Caller:
        if key is None:
            raise AuthenticationFailed(
                "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
            )
        given = _digest(key)
        # Every comparison is made: the time tells neither the key nor which one it is.
        matches = [who for digest, who in self._callers if hmac.compare_digest(given, digest)]
        if not matches:
            raise AuthenticationFailed("The API key is not valid.")
        return matches[0]


def caller_of(scope: Scope) -> Caller:
    """Who asks. Only behind ``Keys``."""
    caller: Caller = scope[CALLER]
    return caller


def _borne_key(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _label(key: str) -> str:
    """Unlike the digest that lets a key in: whoever sees a label holds nothing of that."""
    return hashlib.sha256(b"tenant\0" + key.encode()).hexdigest()[:LABEL_CHARS]
