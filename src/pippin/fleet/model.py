"""A model as the door sees it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pippin.core.card import ModelCard
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo, ModelState
from pippin.core.request import GenerationRequest, Prompt
from pippin.errors import ServerBusy
from pippin.fleet.answer import Answer
from pippin.fleet.catalogue import Entry
from pippin.fleet.figures import figures_of
from pippin.fleet.life import max_answers
from pippin.fleet.supervisor import Supervisor
from pippin.wire.messages import Loading, Tokenized


class ServedModel:
    """One model that this server may serve, loaded or not. Owned by the fleet."""

    def __init__(
        self, entry: Entry, supervisor: Supervisor, created: int, *, listed: Entry, limit: int
    ) -> None:
        """``listed``: as the catalogue has it, from which ``entry`` may have been made. ``limit``:
        bytes of all workers together."""
        self._supervisor = supervisor
        self._presence = supervisor.presence
        self._limit = limit
        self.listed = listed
        self.entry = entry
        """What is known of it without loading it."""
        self.name = entry.name
        """The id that clients use."""
        self.created = created
        """Unix seconds."""

    @property
    def state(self) -> ModelState:
        return self._supervisor.state

    @property
    def reason(self) -> str | None:
        """Why it failed, or what it is doing while it loads. For the operator: may name paths."""
        return self._presence.reason

    @property
    def progress(self) -> Loading:
        """How far the loading stage is; its ``total`` is 0 while unknown."""
        return self._supervisor.progress

    @property
    def size(self) -> int:
        """Bytes that it takes, or will: as far as is known."""
        return self._presence.size

    @property
    def info(self) -> ModelInfo:
        """Raises: ModelUnavailable unless it is loaded."""
        return self._supervisor.info

    @property
    def awaited(self) -> bool:
        """Whether it is still to be loaded."""
        return self._presence.awaited

    @property
    def ready(self) -> bool:
        """Whether whoever comes now need not wait."""
        return self._presence.admits

    @property
    def on_start(self) -> bool:
        """Whether it is to be there from the start."""
        return self.entry.on_start

    @property
    def card(self) -> ModelCard:
        """All that is known of it, loaded or not."""
        entry, supervisor = self.entry, self._supervisor
        facts = entry.facts
        info = supervisor.info if self.state == "ready" else None
        return ModelCard(
            id=self.name,
            created=self.created,
            loaded=info is not None,
            state=self.state,
            aliases=entry.aliases,
            source=entry.source,
            kind=facts.kind if facts else None,
            architecture=info.architecture if info else facts.architecture if facts else None,
            context_length=info.context_length if info else facts.context_length if facts else None,
            parameters=facts.parameters if facts else None,
            quantisation=facts.quantisation if facts else None,
            weights_bytes=facts.weights_bytes if facts else None,
            memory_bytes=self.size,
            fits=self.size <= self._limit,
            pinned=entry.pin,
            on_start=entry.on_start,
            ttl_seconds=entry.settings.ttl_s,
            adapters=info.adapters if info else tuple(entry.settings.adapters),
            worker=figures_of(supervisor.life),
        )

    @asynccontextmanager
    async def held(self) -> AsyncIterator[ModelInfo]:
        """Wait until it can answer, and keep it so. It is loaded for that, if there is room.

        Raises:
            ModelUnavailable: it cannot be loaded, or the server stops.
            ServerBusy: too many wait, or for too long.
        """
        if not self._presence.admits:
            await self._wait()
        self._presence.take()
        try:
            yield self.info
        finally:
            self._presence.give_back()

    async def _wait(self) -> None:
        presence, settings = self._presence, self.entry.settings
        bound = max_answers(settings)
        if presence.demand.waiting >= bound:
            raise ServerBusy(f"Too many requests ({bound}) wait for this model to be loaded.")
        if presence.state not in ("failed", "degraded"):
            presence.demand.waiting += 1
            presence.want()
            try:
                async with asyncio.timeout(settings.queue_timeout_s):
                    await presence.changes.until(lambda: presence.admits or presence.gives_up)
            except TimeoutError as error:
                raise ServerBusy(f"The model {self.name!r} was not ready in time.") from error
            finally:
                presence.demand.waiting -= 1
                presence.want_no_more()
        if not presence.admits:
            raise presence.unavailable()

    async def settled(self) -> None:
        """Wait until it is loaded, or is not going to be, and ``reason`` says why."""
        await self._presence.settled()

    async def load(self) -> None:
        """Have it loaded, now that somebody asks for it; what failed before is tried again.

        Raises: as ``held``; for what cannot be loaded, ModelFailed with the worker's own reason.
        """
        self._supervisor.try_again()
        async with self.held():
            return

    async def unload(self) -> None:
        """End its worker once nobody is answered by it any more. Who comes meanwhile waits, and
        has it loaded again. Nothing to do if it is not loaded."""
        self._supervisor.leave()
        await self._supervisor.gone()

    def submit(self, request: GenerationRequest) -> Answer:
        """Begin an answer. Raises: as ``submit_all``."""
        return self.submit_all((request,))[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Begin an answer for each of them, or for none. The model is held for as long as that
        takes, by whoever asks.

        Raises:
            ModelUnavailable: the model is not ready.
            InvalidRequest: a request is larger than a frame.
            ServerBusy: too many are waiting, or the worker does not take what it was sent.
        """
        return self._supervisor.submit_all(requests)

    async def tokenize(
        self, prompt: Prompt, *, add_special_tokens: bool = True, texts: bool = False
    ) -> Tokenized:
        """The tokens that generation would see, and on request each one's own text.

        Raises:
            PippinError: as ``held``, or of the kind with which the worker rejects it.
        """
        async with self.held():
            return await self._supervisor.requests.tokenize(prompt, add_special_tokens, texts)

    async def detokenize(
        self, tokens: tuple[int, ...], *, skip_special_tokens: bool = False
    ) -> str:
        """The text of tokens. Raises: as ``tokenize``."""
        async with self.held():
            return await self._supervisor.requests.detokenize(tokens, skip_special_tokens)

    async def memory(self) -> MemoryFigures:
        """Its memory of prompts, as of now. Raises: ModelUnavailable: it is not loaded."""
        return await self._supervisor.requests.memory()

    async def forget_prompts(self) -> MemoryFigures:
        """Forget every prompt, in RAM and on disk. Raises: as ``memory``."""
        return await self._supervisor.requests.forget_prompts()
