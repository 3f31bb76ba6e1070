"""What every parameter does here, per route and per model.

Made from the same request models that validate, so it cannot say anything else than they do.
"""

from collections.abc import Collection
from typing import Any, Literal

import msgspec
from fastapi import FastAPI, Response

from pippin.api.chat import ChatBody
from pippin.api.completions import CompletionBody
from pippin.api.fields import MAX_LOGIT_BIASES
from pippin.api.generation import WITHOUT_EFFECT
from pippin.api.json_answer import READING, json_answer
from pippin.api.ports import Fleet, ServedModel
from pippin.api.structured import MAX_OPTIONS
from pippin.api.validation import Body, json_schema, schema_at
from pippin.core.constraint import MAX_CONSTRAINT_CHARS, MAX_SCHEMA_DEPTH
from pippin.core.model import ModelState, Runtime
from pippin.core.sampling import MAX_STOP_CHARS, MAX_STOPS, MAX_TOP_LOGPROBS, SamplingDefaults
from pippin.core.tools import MAX_TOOLS
from pippin.settings import KVBits, Settings

Support = Literal["honoured", "accepted_without_effect", "refused"]

BODIES: dict[str, type[Body]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
}


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    support: Support
    schema: dict[str, Any] = {}
    """JSON schema of its values: types and ranges."""


class ModelCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """``null`` where only a loaded model could tell."""

    id: str
    state: ModelState
    context_length: int | None = None
    vocab_size: int | None = None
    device: str | None = None
    runtime: Runtime | None = None
    """The library that computes it."""
    architecture: str | None = None
    chat: bool | None = None
    chat_template_kwargs: list[str] | None = None
    tool_parser: str | None = None
    """How it writes calls of tools, by the name of a model family."""
    thinking: bool | None = None
    """Whether it thinks before it answers."""
    adapters: list[str] | None = None
    """LoRA adapters that a request may name."""
    defaults: SamplingDefaults | None = None
    parameters: dict[str, dict[str, Parameter]]
    """Route → parameter → what becomes of it. A parameter that is not listed is refused."""


class CacheRules(msgspec.Struct, frozen=True, kw_only=True):
    """How prompts are remembered. ``null``: each model's worker chooses."""

    memory_bytes: int | None
    ram_bytes: int | None
    disk_bytes: int
    min_tokens: int
    per_key: bool
    kv_bits: KVBits | None
    """``null``: as the model computes."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelCapabilities]
    limits: dict[str, int | float]
    """Bounds of a whole request, and of how many there may be."""
    cache: CacheRules


def add_capability_routes(app: FastAPI, settings: Settings, fleet: Fleet) -> None:

    @app.api_route(
        "/v1/capabilities",
        methods=[*READING],
        tags=["models"],
        summary="What every parameter does, per model",
    )
    async def capabilities() -> Response:
        data = [_of_model(model) for model in fleet.models]
        answer = Capabilities(data=data, limits=_limits(settings), cache=_cache_rules(settings))
        return json_answer(answer)


def parameters_of(body: type[Body], refused: Collection[str] = ()) -> dict[str, Parameter]:
    """Every parameter name that a route knows, and what becomes of it. ``refused``: by the runtime
    of one model."""
    schema = json_schema(body)
    known = {
        name: Parameter(
            "accepted_without_effect" if name in WITHOUT_EFFECT else "honoured",
            schema_at(schema, (name,)),
        )
        for name in body.model_fields
    }
    unknown_here = {name for name in refused if name in known}
    return known | {name: Parameter("refused") for name in {*body.refused, *unknown_here}}


def _of_model(model: ServedModel) -> ModelCapabilities:
    parameters = {route: parameters_of(body) for route, body in BODIES.items()}
    if model.state != "ready":
        return ModelCapabilities(id=model.name, state=model.state, parameters=parameters)
    info = model.info
    parameters = {route: parameters_of(body, info.refused) for route, body in BODIES.items()}
    return ModelCapabilities(
        id=model.name,
        state=model.state,
        context_length=info.context_length,
        vocab_size=info.vocab_size,
        device=info.device,
        runtime=info.runtime,
        architecture=info.architecture,
        chat=info.chat,
        chat_template_kwargs=list(info.template_kwargs),
        tool_parser=info.tool_parser,
        thinking=info.thinking,
        adapters=list(info.adapters),
        defaults=info.defaults,
        parameters=parameters,
    )


def _limits(settings: Settings) -> dict[str, int | float]:
    return {
        "body_bytes": settings.max_body_bytes,
        "receipt_seconds": settings.receipt_timeout_s,
        "prompts_times_choices": settings.max_prompts,
        "stops": MAX_STOPS,
        "stop_characters": MAX_STOP_CHARS,
        "top_logprobs": MAX_TOP_LOGPROBS,
        "logit_biases": MAX_LOGIT_BIASES,
        "tools": MAX_TOOLS,
        "constraint_characters": MAX_CONSTRAINT_CHARS,
        "constraint_options": MAX_OPTIONS,
        "schema_depth": MAX_SCHEMA_DEPTH,
        "answers_at_once": settings.max_lanes,
        "requests_at_once": settings.max_concurrency or settings.max_lanes,
        "requests_waiting": settings.queue_size,
        "waiting_seconds": settings.queue_timeout_s,
    }


def _cache_rules(settings: Settings) -> CacheRules:
    return CacheRules(
        memory_bytes=int(settings.memory) or None,
        ram_bytes=None if settings.cache_ram is None else int(settings.cache_ram),
        disk_bytes=int(settings.cache_disk),
        min_tokens=settings.cache_min_tokens,
        per_key=settings.cache_per_key,
        kv_bits=settings.kv_bits,
    )
