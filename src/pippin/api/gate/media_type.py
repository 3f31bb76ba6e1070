"""Bodies are JSON and say so.

A web page may send text/plain or form bodies to any address without asking first; it cannot
send application/json without a preflight, which this server only grants to configured origins.
"""

import re
from email.message import Message as MediaType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pippin.api.gate.limits import has_body
from pippin.errors import UnsupportedMediaType

JSON = re.compile(r"application/([a-z0-9.-]+\+)?json")
CHARSETS = ("utf-8", "utf8", "us-ascii")


class JsonBodies:
    """Refuses bodies of any other declared kind, and compressed ones, with 415."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and has_body(scope):
            headers = Headers(scope=scope)
            _check_encoding(headers.get("content-encoding", "identity"))
            _check(headers.get("content-type", ""))
        await self.app(scope, receive, send)


def _check_encoding(header: str) -> None:
    if header.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"The body is sent with Content-Encoding '{ascii(header[:64])[1:-1]}', which this "
            "server does not read; send it without."
        )


def _check(header: str) -> None:
    media = MediaType()
    media["content-type"] = header
    declared = header.partition(";")[0].strip().lower()
    if not JSON.fullmatch(declared):
        raise UnsupportedMediaType("Send the body with 'Content-Type: application/json'.")
    charset = media.get_param("charset", "utf-8")
    if str(charset).lower() not in CHARSETS:
        raise UnsupportedMediaType("JSON is UTF-8: send no other charset.")
