"""A msgspec struct → a JSON answer."""

import msgspec
from starlette.responses import Response


def json_answer(shape: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(shape), status, media_type="application/json")
