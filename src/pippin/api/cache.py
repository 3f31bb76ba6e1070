"""What the models remember of prompts, and how to let them forget it."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import msgspec
from fastapi import FastAPI, Request, Response

from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelState
from pippin.errors import InvalidRequest, ModelUnavailable


class ModelCache(msgspec.Struct, frozen=True, kw_only=True):
    """One model's memory of prompts. ``null`` where only a worker that is ready could tell."""

    id: str
    state: ModelState
    hit_rate: float | None = None
    """Share of the prompts of which something was reused."""
    cached_share: float | None = None
    """Share of all prompt tokens that were reused."""
    figures: MemoryFigures | None = None


class CacheList(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelCache]


def add_cache_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route(
        "/v1/cache", methods=[*READING], tags=["cache"], summary="What is remembered of prompts"
    )
    async def tell() -> Response:
        return await _told(fleet.models)

    @app.delete("/v1/cache", tags=["cache"], summary="Forget the prompts of one model, or of all")
    async def forget(request: Request, model: str | None = None) -> Response:
        _check_query(request)
        if model is None:
            return await _told(fleet.models, forget=True)
        one = fleet.find(model)
        await one.forget_prompts()
        return await _told((one,))


async def _told(models: Sequence[ServedModel], *, forget: bool = False) -> Response:
    data = await asyncio.gather(*(_of_model(model, forget) for model in models))
    return json_answer(CacheList(data=list(data)))


async def _of_model(model: ServedModel, forget: bool) -> ModelCache:
    try:
        figures = await (model.forget_prompts() if forget else model.memory())
    except ModelUnavailable:
        return ModelCache(id=model.name, state=model.state)
    return ModelCache(
        id=model.name,
        state=model.state,
        hit_rate=_share(figures.hits, figures.prompts),
        cached_share=_share(figures.cached_tokens, figures.prompt_tokens),
        figures=figures,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _check_query(request: Request) -> None:
    """A misspelt name must not empty every model's memory."""
    if [name for name, _ in request.query_params.multi_items()] not in ([], ["model"]):
        raise InvalidRequest("The query may hold one 'model', and nothing else.", "model")
