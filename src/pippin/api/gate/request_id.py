"""Every request gets an id of ours and one line in the log.

Neither bodies nor prompts nor keys are ever logged: method, route, status, time, and that is all.
"""

import logging
import re
import secrets
import time
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("pippin.access")

HEADER = b"x-request-id"
CLIENT_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
LOGGED_PATH_CHARS = 200
CLIENT_LEFT = 499
"""Logged, as nginx does, where the client left before there was an answer."""

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")
"""For log records of whatever happens while a request is served."""


class RequestId:
    """Outermost. Makes the id, answers with it, logs the request's end.

    A client's own ``X-Request-Id`` is echoed instead if it is harmless, and is used for nothing
    else: ids that a caller chooses are no keys (CVE-2026-116176).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        own = f"req-{secrets.token_hex(12)}"
        echoed = _harmless(Headers(scope=scope).get("x-request-id")) or own
        status = CLIENT_LEFT

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, echoed.encode())]
            await send(message)

        began = time.monotonic()
        token = current_request_id.set(own)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _log(scope, own, status, time.monotonic() - began)
            current_request_id.reset(token)


def _harmless(text: str | None) -> str | None:
    return text if text is not None and CLIENT_ID.fullmatch(text) else None


def _log(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None)
    path = route or ascii(scope["path"][:LOGGED_PATH_CHARS])[1:-1]
    logger.info("%s %s %s %d %.1f ms", request_id, scope["method"], path, status, seconds * 1000)
