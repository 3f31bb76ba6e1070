"""The whole door: the gate, then the routes. See ``server`` for how it is run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from pippin import __version__
from pippin.api.adapters import add_adapter_routes
from pippin.api.cache import add_cache_routes
from pippin.api.capabilities import add_capability_routes
from pippin.api.faults import Faults, translate_http_exception
from pippin.api.gate.hosts import LOOPBACK_NAMES, Hosts
from pippin.api.gate.keys import Keys
from pippin.api.gate.limits import BodyLimits
from pippin.api.gate.media_type import JsonBodies
from pippin.api.gate.request_id import RequestId
from pippin.api.generate import add_generation_routes
from pippin.api.health import add_health_routes
from pippin.api.management import add_management_routes
from pippin.api.models import add_model_routes
from pippin.api.openapi import document_routes
from pippin.api.ports import Fleet
from pippin.api.tokens import add_token_routes
from pippin.core.request import Priority
from pippin.settings import Settings


def create_app(settings: Settings, fleet: Fleet) -> FastAPI:
    """The ASGI app of one server. Its lifespan starts the fleet, and stops it at the end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await fleet.start()
        try:
            yield
        finally:
            await fleet.stop()

    app = FastAPI(
        title="Pippin",
        summary="One inference server for MLX models, in the words of OpenAI's API.",
        version=__version__,
        lifespan=lifespan,
        middleware=gate(settings),
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.add_exception_handler(HTTPException, translate_http_exception)
    add_generation_routes(app, settings, fleet)
    add_token_routes(app, fleet)
    add_management_routes(app, fleet)
    add_model_routes(app, fleet)
    add_adapter_routes(app, fleet)
    add_capability_routes(app, settings, fleet)
    add_cache_routes(app, fleet)
    add_health_routes(app, fleet)
    document_routes(app)
    return app


def gate(settings: Settings) -> list[Middleware]:
    """What a request passes on its way in, outermost first."""
    return [
        Middleware(RequestId),
        Middleware(
            BodyLimits, max_bytes=settings.max_body_bytes, timeout_s=settings.receipt_timeout_s
        ),
        *_cors(settings.cors_origins),
        Middleware(Faults),
        Middleware(Hosts, allowed=_allowed_hosts(settings)),
        Middleware(Keys, keys=_keys(settings)),
        Middleware(JsonBodies),
    ]


def _keys(settings: Settings) -> dict[Priority, tuple[SecretStr, ...]]:
    return {
        "interactive": settings.api_keys,
        "agent": settings.agent_keys,
        "batch": settings.batch_keys,
    }


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    """Off unless origins are named. Never with credentials: keys travel in headers. Any header
    may be sent: clients add many of their own, and this server heeds but a few."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("*",),
            expose_headers=("x-request-id", "retry-after"),
        )
    ]


def _allowed_hosts(settings: Settings) -> tuple[str, ...] | None:
    if settings.loopback or settings.allowed_hosts:
        own = settings.host.strip("[]")
        own = f"[{own}]" if ":" in own else own
        return (*LOOPBACK_NAMES, own, *settings.allowed_hosts)
    return None
