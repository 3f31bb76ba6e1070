"""The two generation routes: body → order → reply."""

import secrets
import time

from fastapi import FastAPI, Request, Response

from pippin.api.adapters import with_named_adapter
from pippin.api.body import read_body
from pippin.api.chat import ChatBody, chat_requests
from pippin.api.chat_rendering import ChatRendering
from pippin.api.completion_rendering import CompletionRendering
from pippin.api.completions import CompletionBody, completion_requests
from pippin.api.extensions import treatment
from pippin.api.gate.keys import caller_of
from pippin.api.generation import GenerationFields
from pippin.api.ports import Fleet, ServedModel
from pippin.api.rendering import Header
from pippin.api.reply import MakeOrder, Order, StreamedReply, WholeReply
from pippin.api.slots import slot_of
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest
from pippin.settings import Settings


def add_generation_routes(app: FastAPI, settings: Settings, fleet: Fleet) -> None:
    private = not settings.strangers_share_prompts

    @app.post("/v1/chat/completions", tags=["generation"], summary="Answer a conversation")
    async def create_chat_completion(request: Request) -> Response:
        ask = with_named_adapter(await read_body(request, ChatBody), fleet)
        model = fleet.find(ask.model, slot_of(request))

        def order(info: ModelInfo) -> Order:
            plain = chat_requests(ask, info, settings.max_prompts)
            requests = _treated(request, ask, plain, settings)
            header = _header("chatcmpl-", model, info, ask)
            rendering = ChatRendering(header, len(requests) * ask.choices, bool(ask.logprobs))
            return Order(requests, ask.choices, rendering, ask.include_usage, private)

        return _reply(model, order, ask, settings)

    @app.post("/v1/completions", tags=["generation"], summary="Continue a text")
    async def create_completion(request: Request) -> Response:
        ask = with_named_adapter(await read_body(request, CompletionBody), fleet)
        model = fleet.find(ask.model, slot_of(request))

        def order(info: ModelInfo) -> Order:
            plain = completion_requests(ask, info, settings.max_prompts)
            requests = _treated(request, ask, plain, settings)
            header = _header("cmpl-", model, info, ask)
            logprobs = ask.logprobs is not None
            rendering = CompletionRendering(header, len(requests) * ask.choices, logprobs)
            return Order(requests, ask.choices, rendering, ask.include_usage, private)

        return _reply(model, order, ask, settings)


def _header(prefix: str, model: ServedModel, info: ModelInfo, ask: GenerationFields) -> Header:
    return Header(
        id=prefix + secrets.token_hex(16),
        created=int(time.time()),
        model=model.name,
        fingerprint=info.fingerprint,
        include_usage=ask.include_usage,
    )


def _treated(
    request: Request, ask: GenerationFields, plain: list[GenerationRequest], settings: Settings
) -> list[GenerationRequest]:
    """The requests of a body, as its caller and its headers let them be."""
    caller = caller_of(request.scope)
    how = treatment(ask.pippin, request.headers, caller, settings.cache_per_key)
    return [how.applied(one) for one in plain]


def _reply(
    model: ServedModel, order: MakeOrder, ask: GenerationFields, settings: Settings
) -> Response:
    if ask.stream:
        return StreamedReply(model, order, settings.keepalive_interval_s)
    return WholeReply(model, order)
