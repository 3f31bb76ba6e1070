"""Errors → answers. The one place that turns an exception into bytes for a client."""

import logging

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pippin.api.gate.request_id import current_request_id
from pippin.errors import (
    AuthenticationFailed,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PippinError,
)

logger = logging.getLogger(__name__)

PUBLIC_500 = "The server failed to answer this request. Its log has the reason."


def public_error(error: Exception) -> PippinError:
    """What a client may know of any error: our own as they are, others as a plain 500."""
    return error if isinstance(error, PippinError) else PippinError(PUBLIC_500)


def error_answer(error: PippinError) -> Response:
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    if isinstance(error, AuthenticationFailed):
        headers["www-authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(error.body()), error.status, headers, media_type="application/json"
    )


async def translate_http_exception(request: Request, error: Exception) -> Response:
    """The router's own 404 and 405, in our shape. Never repeats the path."""
    if not isinstance(error, HTTPException):
        raise error
    match error.status_code:
        case 404:
            answer = error_answer(NotFound("There is no such route; /docs shows those there are."))
        case 405:
            answer = error_answer(MethodNotAllowed(f"This route does not take {request.method}."))
        case _:
            answer = error_answer(InvalidRequest("The request cannot be answered."))
            answer.status_code = error.status_code
    answer.headers.update(error.headers or {})
    return answer


class Faults:
    """Turns whatever is raised behind it into an error answer, and logs what is no one's fault.

    After the first byte of an answer nothing can be mended: the error is raised again, and the
    server closes the connection, so that no client takes a torn answer for a whole one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except ClientDisconnect:
            return
        except Exception as error:
            if not isinstance(error, PippinError):
                logger.exception("%s failed unexpectedly", current_request_id.get())
            if started:
                raise
            await error_answer(public_error(error))(scope, receive, send)
