"""Which models there are: OpenAI's list, and each model's state."""

from typing import Literal

import msgspec
from fastapi import FastAPI, Response

from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel, State


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "pippin"
    loaded: bool
    """Whether it can answer now."""
    state: State


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelCard]
    models: list[str]
    """Names of the loaded ones, as FastMLX lists them."""


def add_model_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route("/v1/models", methods=[*READING], tags=["models"], summary="All models")
    async def list_models() -> Response:
        cards = [_card(model) for model in fleet.models]
        loaded = [card.id for card in cards if card.loaded]
        return json_answer(ModelList(data=cards, models=loaded))

    @app.api_route(
        "/v1/models/{model_id:path}", methods=[*READING], tags=["models"], summary="One model"
    )
    async def get_model(model_id: str) -> Response:
        return json_answer(_card(fleet.find(model_id)))


def _card(model: ServedModel) -> ModelCard:
    return ModelCard(
        id=model.name,
        created=model.created,
        loaded=model.state == "ready",
        state=model.state,
    )
