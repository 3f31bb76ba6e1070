"""Loading and unloading on request: Pippin's own routes, FastMLX's and mlx_gguf_server's.

A name is only ever looked up among the listed models; whether another one may be loaded is the
operator's setting (``unknown_model``).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Request, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from pippin.api.body import read_body
from pippin.api.fields import ModelName
from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel
from pippin.api.rendering import frame
from pippin.api.reply import DONE, STREAM_HEADERS, error_frame
from pippin.api.slots import slot_of
from pippin.api.validation import Body
from pippin.core.card import ModelCard
from pippin.core.slots import DEFAULT_SLOT
from pippin.errors import InvalidRequest, ModelNotFound

PROGRESS_S = 0.5
"""Between two words about the progress of loading."""


class LoadBody(Body):
    """The body of ``POST /v1/models/{id}/load``; it may be left out."""

    stream: bool | None = None
    """Tell the progress of loading as server-sent events; the last one has the model's card."""


class SlotLoadBody(Body):
    """The body of ``POST /v1/internal/model/load``."""

    llm_model_name: ModelName
    chat_format: Annotated[str, Field(max_length=100)] | None = None
    """A known chat template instead of the model's own."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a load that is streamed. ``total`` 0: unknown; units are the stage's own."""

    id: str
    state: str
    stage: str
    done: int
    total: int


class Added(msgspec.Struct, frozen=True):
    status: Literal["success"]
    message: str


class SlotLoaded(msgspec.Struct, frozen=True):
    load: Literal["success"] = "success"


class SlotUnloaded(msgspec.Struct, frozen=True):
    unload: Literal["success"] = "success"


class SlotInfo(msgspec.Struct, frozen=True):
    model_name: str
    model_type: str
    """``mlx`` or ``llama-cpp``."""


class ModelNames(msgspec.Struct, frozen=True):
    model_names: list[str]


def add_management_routes(app: FastAPI, fleet: Fleet) -> None:
    _add_own_routes(app, fleet)
    _add_fastmlx_routes(app, fleet)
    _add_slot_routes(app, fleet)


def _add_own_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.post("/v1/models/{model_id:path}/load", tags=["models"], summary="Load a model")
    async def load(model_id: str, request: Request) -> Response:
        refuse_strange_pages(request)
        ask = await read_body(request, LoadBody, empty=True)
        model = fleet.find(model_id)
        if ask.stream:
            return StreamingResponse(_loading(model), headers=STREAM_HEADERS)
        await model.load()
        return json_answer(model.card)

    @app.post("/v1/models/{model_id:path}/unload", tags=["models"], summary="Unload a model")
    async def unload(model_id: str, request: Request) -> Response:
        refuse_strange_pages(request)
        model = fleet.known(model_id)
        await model.unload()
        return json_answer(model.card)


def _add_fastmlx_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.post("/v1/models", tags=["models"], summary="Load a model, as FastMLX does")
    async def add_model(request: Request, model_name: str | None = None) -> Response:
        refuse_strange_pages(request)
        model = fleet.find(_named(model_name))
        await model.load()
        return json_answer(Added("success", f"Model {model.name} added successfully"))

    @app.delete("/v1/models", tags=["models"], summary="Unload a model, as FastMLX does")
    async def remove_model(request: Request, model_name: str | None = None) -> Response:
        refuse_strange_pages(request)
        model = fleet.known(_named(model_name))
        if model.state == "unloaded":
            raise ModelNotFound(f"Model '{model.name}' is not loaded.", "model_name")
        await model.unload()
        return Response(status_code=204)


def _add_slot_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.api_route(
        "/v1/internal/model/list",
        methods=[*READING],
        tags=["models"],
        summary="Names of all models",
    )
    async def names() -> Response:
        await fleet.refresh()
        return json_answer(ModelNames(sorted(model.name for model in fleet.models)))

    @app.post("/v1/internal/model/load", tags=["models"], summary="Load a model into a slot")
    async def load_slot(request: Request) -> Response:
        ask = await read_body(request, SlotLoadBody)
        slot = slot_of(request) or DEFAULT_SLOT
        if fleet.slots.model_of(slot) is not None:
            raise InvalidRequest(f"model_id {slot} already exists. Unload first.", "X-Model-Id")
        model = fleet.known(ask.llm_model_name)
        if ask.chat_format is not None:
            model = fleet.with_chat_format(model.name, ask.chat_format)
        if not fleet.slots.put(slot, model.name):
            raise InvalidRequest("There are too many slots. Unload one first.", "X-Model-Id")
        try:
            await model.load()
        except BaseException:
            if fleet.slots.model_of(slot) == model.name:  # and not another one's by now
                fleet.slots.clear(slot)
            raise
        return json_answer(SlotLoaded())

    @app.post("/v1/internal/model/unload", tags=["models"], summary="Unload the model of a slot")
    async def unload_slot(request: Request) -> Response:
        refuse_strange_pages(request)
        model = _in_slot(fleet, request)
        fleet.slots.clear(slot_of(request) or DEFAULT_SLOT)
        if not fleet.slots.holds(model.name):
            await model.unload()
        return json_answer(SlotUnloaded())

    @app.api_route(
        "/v1/internal/model/info",
        methods=[*READING],
        tags=["models"],
        summary="The model of a slot",
    )
    async def slot_info(request: Request) -> Response:
        model = _in_slot(fleet, request)
        kind = "llama-cpp" if model.card.kind == "gguf" else "mlx"
        return json_answer(SlotInfo(model.name, kind))


def refuse_strange_pages(request: Request) -> None:
    """A request without a body needs no preflight: any web page that a browser shows could send
    it here. Browsers tell where it comes from: by ``Sec-Fetch-Site``, and where they do not trust
    the connection (plain HTTP in a local network) by ``Origin`` only.

    Raises:
        InvalidRequest: from a page of another site.
    """
    headers = request.headers
    strange = "origin" in headers and headers["origin"].partition("://")[2] != headers.get("host")
    if "sec-fetch-site" in headers:
        strange = headers["sec-fetch-site"] in ("cross-site", "same-site")
    if strange:
        raise InvalidRequest("Web pages of other sites may not load or unload models.")


def _named(given: str | None) -> str:
    """FastMLX's clients put quotes around the name now and then."""
    name = (given or "").strip().strip('"')
    if not name:
        raise InvalidRequest("Give the model's name in the query: ?model_name=NAME.", "model_name")
    return name


def _in_slot(fleet: Fleet, request: Request) -> ServedModel:
    slot = slot_of(request) or DEFAULT_SLOT
    name = fleet.slots.model_of(slot)
    if name is None:
        raise InvalidRequest(f"model_id {slot} has no model loaded.", "X-Model-Id")
    return fleet.find(name)


async def _loading(model: ServedModel) -> AsyncIterator[bytes]:
    """Events until it is loaded, or an error. Who stops listening waits no longer; a worker that
    was started goes on loading."""
    loading = asyncio.create_task(model.load())
    try:
        while not loading.done():
            await asyncio.wait((loading,), timeout=PROGRESS_S)
            if not loading.done():
                yield frame(_progress(model))
        await loading
        card: ModelCard = model.card
        yield frame(card) + DONE
    except Exception as error:  # noqa: BLE001
        # The status is sent: only the stream itself can still say it.
        yield error_frame(error)
    finally:
        loading.cancel()


def _progress(model: ServedModel) -> Progress:
    told = model.progress
    return Progress(
        id=model.name, state=model.state, stage=told.stage, done=told.done, total=told.total
    )
