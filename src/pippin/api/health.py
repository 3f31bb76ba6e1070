"""Is the server alive, and are its models ready? Open to everyone, so it tells no more."""

from typing import Literal

import msgspec
from fastapi import FastAPI, Response

from pippin import __version__
from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel
from pippin.core.model import ModelState


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Liveness. Extra members are those that clients of older servers look for."""

    status: Literal["ok"] = "ok"
    version: str = __version__
    handler_initialized: bool
    """Whether every model that matters is ready."""


class Readiness(msgspec.Struct, frozen=True):
    status: Literal["ready", "not_ready"]
    models: dict[str, ModelState]


def add_health_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route("/health", methods=[*READING, "POST"], tags=["health"], summary="Alive")
    async def health() -> Response:
        return json_answer(Health(handler_initialized=all_well(fleet)))

    @app.api_route(
        "/health/ready",
        methods=[*READING],
        tags=["health"],
        summary="200 while every model that was started can answer, else 503",
    )
    async def readiness() -> Response:
        states = {model.name: model.state for model in fleet.models if matters(model)}
        ready = all_well(fleet)
        answer = Readiness("ready" if ready else "not_ready", states)
        return json_answer(answer, 200 if ready else 503)


def matters(model: ServedModel) -> bool:
    """Whether somebody counts on it: it is to be there from the start, or was loaded since. What
    a request asked for in vain does not make the server unfit for all others."""
    return model.on_start or model.state not in ("unloaded", "unloading", "failed")


def all_well(fleet: Fleet) -> bool:
    """Whether every model that matters can answer."""
    return all(model.state == "ready" for model in fleet.models if matters(model))
