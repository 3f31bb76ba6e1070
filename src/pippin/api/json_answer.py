"""A msgspec struct → a JSON answer."""

import msgspec
from starlette.responses import Response

READING = ("GET", "HEAD")
"""The methods of a route that only tells: the server leaves the body of an answer to HEAD out."""


def json_answer(shape: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(shape), status, media_type="application/json")
