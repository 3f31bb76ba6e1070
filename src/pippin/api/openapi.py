"""The OpenAPI document, made from what really validates and what is really sent.

Request bodies come from the pydantic models that check them, answers from the msgspec structs
that are encoded; the routes themselves read and write bytes.
"""

import copy
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from pippin.api.adapters import AdapterList
from pippin.api.cache import CacheList
from pippin.api.capabilities import Capabilities
from pippin.api.chat import ChatBody
from pippin.api.chat_rendering import ChatChunk, ChatCompletion
from pippin.api.completion_rendering import Completion
from pippin.api.completions import CompletionBody
from pippin.api.health import Health, Readiness
from pippin.api.management import (
    LoadBody,
    ModelNames,
    SlotInfo,
    SlotLoadBody,
    SlotLoaded,
    SlotUnloaded,
)
from pippin.api.models import ModelList, SupportedModels
from pippin.api.tokens import (
    DetokenizeAnswer,
    DetokenizeBody,
    PromptBody,
    TokenCountAnswer,
    TokenizeAnswer,
    TokenizeBody,
)
from pippin.api.validation import Body
from pippin.core.card import ModelCard

REQUESTS: dict[str, type[Body]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/tokenize": TokenizeBody,
    "/v1/detokenize": DetokenizeBody,
    "/v1/internal/token-count": PromptBody,
    "/v1/models/{model_id}/load": LoadBody,
    "/v1/internal/model/load": SlotLoadBody,
}
ANSWERS: dict[str, type[msgspec.Struct]] = {
    "/v1/chat/completions": ChatCompletion,
    "/v1/completions": Completion,
    "/v1/tokenize": TokenizeAnswer,
    "/v1/detokenize": DetokenizeAnswer,
    "/v1/internal/token-count": TokenCountAnswer,
    "/v1/models": ModelList,
    "/v1/models/{model_id}": ModelCard,
    "/v1/models/{model_id}/load": ModelCard,
    "/v1/models/{model_id}/unload": ModelCard,
    "/v1/supported_models": SupportedModels,
    "/v1/internal/model/list": ModelNames,
    "/v1/internal/model/load": SlotLoaded,
    "/v1/internal/model/unload": SlotUnloaded,
    "/v1/internal/model/info": SlotInfo,
    "/v1/adapters": AdapterList,
    "/v1/capabilities": Capabilities,
    "/v1/cache": CacheList,
    "/health": Health,
    "/health/ready": Readiness,
}
STREAMED: dict[str, type[msgspec.Struct]] = {
    "/v1/chat/completions": ChatChunk,
    "/v1/completions": Completion,
}
REF = "#/components/schemas/{}"


class ErrorObject(msgspec.Struct, frozen=True):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True):
    """Every answer of status 400 and above."""

    error: ErrorObject
    detail: str
    """The message again, for clients of older servers."""


def document_routes(app: FastAPI) -> None:
    """Let ``app`` serve the true document at ``/openapi.json``, ``/docs`` and ``/redoc``."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=[_as_documented(route) for route in app.routes],
    )
    shapes: list[type[msgspec.Struct]] = [*ANSWERS.values(), *STREAMED.values(), ErrorBody]
    _, components = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation, components)
    document["components"] = {
        "schemas": dict(sorted(components.items())),
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    # The empty one: a server without keys asks for none.
    document["security"] = [{"key": []}, {}]
    return document


def _as_documented(route: BaseRoute) -> BaseRoute:
    """A route that answers GET, and HEAD or POST just so, is one operation."""
    if not isinstance(route, APIRoute) or "GET" not in (route.methods or ()):
        return route
    shown = copy.copy(route)
    shown.methods = {"GET"}
    return shown


def _complete(path: str, operation: dict[str, Any], components: dict[str, Any]) -> None:
    if path in REQUESTS:
        schema = REQUESTS[path].model_json_schema(ref_template="#/components/schemas/{model}")
        components |= schema.pop("$defs", {})
        components[REQUESTS[path].__name__] = schema
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": _ref(REQUESTS[path])},
        }
    content = {"application/json": _ref(ANSWERS[path])}
    if path in STREAMED:
        content["text/event-stream"] = _ref(STREAMED[path])
    operation["responses"] = {
        "200": {"description": "The answer", "content": content},
        "default": {
            "description": "What went wrong",
            "content": {"application/json": _ref(ErrorBody)},
        },
    }


def _ref(shape: type[object]) -> dict[str, Any]:
    return {"schema": {"$ref": REF.format(shape.__name__)}}
