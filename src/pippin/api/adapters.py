"""The LoRA adapters of the loaded models, and how a request names one."""

from typing import Literal, TypeVar

import msgspec
from fastapi import FastAPI, Response

from pippin.api.generation import GenerationFields
from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel
from pippin.errors import InvalidRequest, ModelNotFound, ModelUnavailable
from pippin.fleet.names import split_adapter

Ask = TypeVar("Ask", bound=GenerationFields)


class AdapterCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """What ``adapter`` in a request's body is to say."""
    object: Literal["adapter"] = "adapter"
    model: str
    """The model that it belongs to; ``model+id`` as the ``model`` of a request names both."""
    default: bool
    """Whether requests that name none get it."""


class AdapterList(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[AdapterCard]


def add_adapter_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route(
        "/v1/adapters",
        methods=[*READING],
        tags=["models"],
        summary="The LoRA adapters of the loaded models",
    )
    async def list_adapters() -> Response:
        cards = [card for model in fleet.models for card in _cards(model)]
        return json_answer(AdapterList(data=cards))


def with_named_adapter(ask: Ask, fleet: Fleet) -> Ask:
    """The body with model and adapter apart, if its ``model`` is ``MODEL+ADAPTER``. A model whose
    own name holds a plus is that model.

    Raises:
        InvalidRequest: ``adapter`` says something else.
    """
    model, adapter = split_adapter(ask.model or "")
    if adapter is None or _known(fleet, ask.model or "") or not _known(fleet, model):
        return ask
    if ask.adapter_wanted not in (None, adapter):
        raise InvalidRequest("adapter and the model's name differ; give one of them.", "adapter")
    return ask.model_copy(update={"model": model, "adapter": adapter})


def _known(fleet: Fleet, name: str) -> bool:
    try:
        fleet.known(name)
    except ModelNotFound:
        return False
    return True


def _cards(model: ServedModel) -> list[AdapterCard]:
    """None of a model that is not loaded: nobody knows."""
    try:
        info = model.info
    except ModelUnavailable:
        return []
    return [
        AdapterCard(id=name, model=model.name, default=name == info.default_adapter)
        for name in info.adapters
    ]
