"""Which models there are, and each one's state."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import PurePosixPath
from typing import Literal

import msgspec
from fastapi import FastAPI, Response

from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet
from pippin.core.card import ModelCard

HELPERS = {"__init__", "base", "cache", "switch_layers", "activations"}
"""Modules among a library's models that are none."""


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelCard]
    models: list[str]
    """Names of the loaded ones, as FastMLX lists them."""


class SupportedModels(msgspec.Struct, frozen=True):
    """Architectures that the installed libraries know, as FastMLX lists them."""

    vlm: list[str]
    lm: list[str]


def add_model_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route("/v1/models", methods=[*READING], tags=["models"], summary="All models")
    async def list_models() -> Response:
        await fleet.refresh()
        cards = [model.card for model in fleet.models]
        loaded = [card.id for card in cards if card.loaded]
        return json_answer(ModelList(data=cards, models=loaded))

    @app.api_route(
        "/v1/supported_models",
        methods=[*READING],
        tags=["models"],
        summary="Architectures that can be loaded",
    )
    async def supported_models() -> Response:
        return json_answer(
            SupportedModels(vlm=architectures("mlx-vlm"), lm=architectures("mlx-lm"))
        )

    @app.api_route(
        "/v1/models/{model_id:path}", methods=[*READING], tags=["models"], summary="One model"
    )
    async def get_model(model_id: str) -> Response:
        return json_answer(fleet.known(model_id).card)


def architectures(package: str) -> list[str]:
    """What is in a library's folder of models; nothing if it is not installed. The library itself
    is not imported."""
    try:
        listed = files(package) or ()
    except PackageNotFoundError:
        return []
    parts = [PurePosixPath(path).parts for path in listed]
    names = {
        part[2].removesuffix(".py")
        for part in parts
        if len(part) > 2 and part[1] == "models" and part[-1].endswith(".py")
    }
    return sorted(names - HELPERS)
