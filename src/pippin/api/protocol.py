"""HTTP/1.1 on one connection: uvicorn's, with the bounds on request heads that it lacks.

uvicorn with httptools takes headers of any size and waits for them for ever (vLLM's
CVE-2025-48956; slowloris). Here a head has a size, a number of lines and a deadline; answers,
however long, have none.
"""

import asyncio
import logging
from typing import Any

import httptools
import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from pippin.errors import HeadTooLarge, InvalidRequest, PippinError, ReceiptTimeout

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200
UPGRADE_FIELDS = (b"upgrade", b"http2-settings")
END_OF_HEAD = b"\r\n\r\n"

logger = logging.getLogger(__name__)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Every refusal of what is no proper request closes it.

    ``head_timeout_s``: seconds from a connection's opening, or from a request's first byte on a
    kept one, to the end of the request's head.
    """

    head_timeout_s = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._fruitless_bytes = 0
        self._refusal: PippinError | None = None
        self._active: RequestResponseCycle | None = None
        self._deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._deaf:
            return
        if self._between_requests:
            self._await_head()
        self._fruitless_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._fruitless_bytes > MAX_HEAD_BYTES and not self._deaf:
            # A head, a chunk's extension or a trailer that does not end.
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._stop_parsing(_too_large())

    def on_headers_complete(self) -> None:
        if self._wants_upgrade:
            return
        self._head_arrived()
        self._fruitless_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._fruitless_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._wants_upgrade:
            return
        self._fruitless_bytes = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            (end_of_head,) = upgrade.args
            self._begin_anew(data[end_of_head:])
        except httptools.HttpParserError:
            self._refuse(self._refusal or InvalidRequest("The request is no valid HTTP."))

    @property
    def _wants_upgrade(self) -> bool:
        """Whether the head being parsed asks for another protocol. (``CONNECT`` also counts as an
        upgrade to the parser; it is refused for its target.)"""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _begin_anew(self, rest: bytes) -> None:
        """Read the same request without its wish for another protocol, which this server has not
        (RFC 9110, 7.8: it may be ignored). The parser would take the body for that protocol's."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s" % (method, self.url, version)]
        head += [b"%s: %s" % field for field in self.headers if field[0] not in UPGRADE_FIELDS]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._parse(b"\r\n".join(head) + END_OF_HEAD + rest)

    @property
    def _between_requests(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_is_late)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(
                ReceiptTimeout(f"No request arrived within {self.head_timeout_s:g} seconds.")
            )

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._stop_parsing(_too_large())

    def _stop_parsing(self, error: PippinError) -> None:
        """Leave the parser from inside one of its callbacks; it then raises an error of its own."""
        self._refusal = error
        raise error

    def _refuse(self, error: PippinError) -> None:
        """Hear no more, answer and close. In the middle of another answer only closing is left.

        Whole requests that came before still get their answers, and the connection closes
        after the last of them.
        """
        self._deaf = True
        self._head_arrived()
        logger.info("a request was refused unread: %d %s", error.status, error.message)
        last = self._last_whole_request()
        if last is not None and not last.response_complete:
            last.keep_alive = False
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_raw_answer(error))
        self.transport.close()

    def _last_whole_request(self) -> RequestResponseCycle | None:
        """Forgets a request that waits for its turn and whose own body is what is refused."""
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else self._active
        return None if last is None or last.more_body else last


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(
        f"The request's head is larger than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} lines."
    )


def _raw_answer(error: PippinError) -> bytes:
    body = msgspec.json.encode(error.body())
    return b"".join(
        [
            STATUS_LINE[error.status],
            b"content-type: application/json\r\nconnection: close\r\n",
            b"content-length: %d\r\n\r\n" % len(body),
            body,
        ]
    )
