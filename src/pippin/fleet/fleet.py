"""All models of one server."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from pippin.core.slots import DEFAULT_SLOT, Slots
from pippin.errors import InvalidRequest, ModelNotFound
from pippin.fleet.catalogue import Catalogue, Entry
from pippin.fleet.house import House
from pippin.fleet.model import ServedModel
from pippin.fleet.presence import Presence
from pippin.fleet.process import WORKER_COMMAND, worker_options
from pippin.fleet.sizes import cache_bytes, memory_limit, predicted_bytes
from pippin.fleet.supervisor import Supervisor
from pippin.settings import Settings

SHOWN_CHARS = 100
"""Of a model's name that nobody here has."""
MAX_UNLISTED = 100
"""Models that only requests named, and that are not in use: what was asked for before is forgotten,
so clients that make names up fill neither memory nor the list."""
ANY_NAMES = ("default", "dummy")
"""What some clients send when they mean whatever there is."""


class Fleet:
    """All models that this server may serve. Started and stopped by the app's lifespan.

    Raises (on construction):
        ValueError: two models of one name, or a name that cannot be one.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = WORKER_COMMAND) -> None:
        self._settings = settings
        self._command = tuple(command)
        self._created = int(time.time())
        self._limit = memory_limit(settings)
        self._catalogue = Catalogue(settings)
        self._house = House(self._all_supervisors, self._limit)
        self._models: dict[str, ServedModel] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False
        self._looks = 0
        self._looking = asyncio.Lock()
        self.slots = Slots()
        """Which model a client means by ``X-Model-Id``."""

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """All that are listed, in the catalogue's order, and those that were asked for by a name
        that is not."""
        listed = [self._served(entry) for entry in self._catalogue.entries]
        names = {model.name for model in listed}
        return (*listed, *(one for name, one in self._models.items() if name not in names))

    @property
    def needed(self) -> tuple[ServedModel, ...]:
        """Those that are to be there from the start."""
        return tuple(model for model in self.models if model.entry.on_start)

    async def start(self) -> None:
        """Begin to load what is to be there from the start. Returns at once."""
        self._keeping = asyncio.create_task(self._house.keep(), name="house")
        for model in self.needed:
            self._supervisors[model.name].presence.want(soft=True)

    def end_answers(self) -> None:
        """End every answer in flight with one ``ModelUnavailable``, and take no more of them:
        the server is about to stop, and each client is still told."""
        self._stopping = True
        for supervisor in self._all_supervisors():
            supervisor.end_answers()

    async def stop(self) -> None:
        """End every worker. When it returns, no process and no socket is left. Idempotent."""
        self._stopping = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait((self._keeping,))
        await asyncio.gather(*(supervisor.stop() for supervisor in self._all_supervisors()))

    async def refresh(self) -> None:
        """Look anew for models in the folder and in the hub's cache: one look at a time, and one
        for all who came before it began."""
        came = self._looks
        async with self._looking:
            if self._looks == came:
                self._looks += 1
                used = {name for name, model in self._models.items() if _in_use(model)}
                await asyncio.to_thread(self._catalogue.refresh, used)

    def find(self, name: str | None, slot: str | None = None) -> ServedModel:
        """The model that a request means: that of its slot, of this name, of this alias or last
        part of a name; the first one for ``None``.

        Raises:
            ModelNotFound: there is none, and unknown names are not let load anything.
        """
        if slot is not None:
            return self._in_slot(slot)
        if name is None:
            return self._default
        if one := self._named(name):
            return one
        if name in ANY_NAMES or self._settings.unknown_model == "default":
            return self._default
        if self._settings.unknown_model == "load" and (entry := self._catalogue.unlisted(name)):
            self._forget_unlisted()
            return self._served(entry)
        raise _not_served(name)

    def known(self, name: str) -> ServedModel:
        """The model of this name, this alias, or the only one that ends so.

        Raises:
            ModelNotFound: there is none.
        """
        if one := self._named(name):
            return one
        raise _not_served(name)

    def with_chat_format(self, name: str, chat_format: str) -> ServedModel:
        """The model, which is to be loaded with this chat template from now on.

        Raises:
            ModelNotFound: there is none of this name.
            InvalidRequest: it is loaded with another one.
        """
        model = self.find(name)
        settings = model.entry.settings
        if settings.chat_format == chat_format:
            return model
        if _in_use(model) and model.state != "failed":
            raise InvalidRequest(
                "The model is loaded with another chat format; unload it first.", "chat_format"
            )
        other = settings.model_copy(update={"chat_format": chat_format})
        return self._serve(replace(model.entry, settings=other))

    @property
    def _default(self) -> ServedModel:
        name = self.slots.model_of(DEFAULT_SLOT)
        return self._models[name] if name in self._models else self.models[0]

    def _in_slot(self, slot: str) -> ServedModel:
        name = self.slots.model_of(slot)
        if name is None or name not in self._models:
            raise ModelNotFound(
                f"X-Model-Id '{_shown(slot)}' has no model; load one there with POST "
                "/v1/internal/model/load.",
                param="X-Model-Id",
            )
        return self._models[name]

    def _named(self, name: str) -> ServedModel | None:
        if entry := self._catalogue.find(name):
            return self._served(entry)
        if name in self._models:
            self._models[name] = self._models.pop(name)  # the last that was asked for
        return self._models.get(name)

    def _forget_unlisted(self) -> None:
        """Make a place for one more."""
        listed = {entry.name for entry in self._catalogue.entries}
        idle = [
            name
            for name, model in self._models.items()
            if name not in listed
            and not self.slots.holds(name)
            and (model.state == "failed" or not _in_use(model))
        ]
        for name in idle[: max(0, len(idle) - MAX_UNLISTED + 1)]:
            del self._models[name], self._supervisors[name]

    def _all_supervisors(self) -> Iterator[Supervisor]:
        return iter(tuple(self._supervisors.values()))

    def _served(self, entry: Entry) -> ServedModel:
        """The one object of this name, for as long as its entry is the same or it is in use."""
        known = self._models.get(entry.name)
        if known is not None and (known.listed is entry or _in_use(known)):
            return known
        return self._serve(entry)

    def _serve(self, entry: Entry) -> ServedModel:
        supervisor = self._supervisor(entry)
        listed = self._catalogue.find(entry.name) or entry
        model = ServedModel(entry, supervisor, self._created, listed=listed, limit=self._limit)
        self._supervisors[entry.name], self._models[entry.name] = supervisor, model
        return model

    def _supervisor(self, entry: Entry) -> Supervisor:
        caches = cache_bytes(entry, self._catalogue.entries, self._limit)
        options = worker_options(entry.settings, entry.name, entry.where)
        presence = Presence(
            entry.name,
            size=predicted_bytes(entry, caches),
            pinned=entry.pin,
            ttl_s=entry.settings.ttl_s,
            on_change=self._house.wake,
        )
        if self._stopping:
            presence.stop()
        options = msgspec.structs.replace(options, memory=caches)
        return Supervisor(options, entry.settings, presence, self._command)


def _in_use(model: ServedModel) -> bool:
    """Whether there is more of it than its entry: somebody waits for it, or it was loaded."""
    return model.awaited or model.state != "unloaded"


def _not_served(name: str) -> ModelNotFound:
    return ModelNotFound(
        f"The model '{_shown(name)}' is not served here; GET /v1/models lists those that are.",
        param="model",
    )


def _shown(name: str) -> str:
    """A client's own word, fit for a message: escaped and short."""
    return ascii(name[:SHOWN_CHARS])[1:-1][:SHOWN_CHARS]
