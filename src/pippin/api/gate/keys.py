"""API keys. Every path needs one, but for a short list: what is not named is closed."""

import hashlib
import hmac
from collections.abc import Iterable

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pippin.errors import AuthenticationFailed

OPEN_PATHS = frozenset({"/health", "/health/ready"})
"""Compared with ``scope["path"]``, which is the very value that the router matches: no Host
header and no rewriting of the URL comes between (CVE-2026-48710)."""


class Keys:
    """Refuses requests that bear none of the keys. Keeps digests only, and logs nothing."""

    def __init__(self, app: ASGIApp, keys: Iterable[SecretStr]) -> None:
        self.app = app
        self._digests = tuple(_digest(key.get_secret_value()) for key in keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._digests and scope["path"] not in OPEN_PATHS:
            self._check(_borne_key(Headers(scope=scope)))
        await self.app(scope, receive, send)

    def _check(self, key: str | None) -> None:
        if key is None:
            raise AuthenticationFailed(
                "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
            )
        given = _digest(key)
        # Every comparison is made: the time tells neither the key nor which one it is.
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        if not any(matches):
            raise AuthenticationFailed("The API key is not valid.")


def _borne_key(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
