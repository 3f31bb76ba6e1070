"""What the door needs of a fleet, and nothing more: ``pippin.fleet`` provides it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pippin.core.card import ModelCard
from pippin.core.events import Event
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo, ModelState
from pippin.core.request import GenerationRequest, Prompt
from pippin.core.slots import Slots
from pippin.wire.messages import Loading, Tokenized


class Answer(Protocol):
    """The events of one request, in order; one consumer. Failures are raised, once."""

    def __aiter__(self) -> AsyncIterator[Event]: ...

    def cancel(self) -> None:
        """Nobody waits for this any more. Idempotent, and safe after the end."""


class ServedModel(Protocol):
    """One model under the name that clients use."""

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> int:
        """Unix seconds."""

    @property
    def state(self) -> ModelState: ...

    @property
    def on_start(self) -> bool:
        """Whether it is to be there from the start."""

    @property
    def card(self) -> ModelCard:
        """All that is known of it, loaded or not."""

    @property
    def progress(self) -> Loading:
        """How far the loading stage is; its ``total`` is 0 while unknown."""

    async def load(self) -> None:
        """Have it loaded. Raises ``ModelUnavailable`` and ``ServerBusy``."""

    async def unload(self) -> None:
        """End its worker, once nobody is answered by it any more."""

    @property
    def ready(self) -> bool:
        """Whether whoever comes now need not wait."""

    @property
    def info(self) -> ModelInfo:
        """Raises ``ModelUnavailable`` unless the model is loaded."""

    def held(self) -> AbstractAsyncContextManager[ModelInfo]:
        """Wait until it can answer, having it loaded if need be, and keep it so. Raises
        ``ModelUnavailable`` and ``ServerBusy``."""

    def submit_all(self, requests: Sequence[GenerationRequest]) -> Sequence[Answer]:
        """An answer for each, or none at all. Raises ``ModelUnavailable`` and ``ServerBusy``."""

    async def tokenize(
        self, prompt: Prompt, *, add_special_tokens: bool = True, texts: bool = False
    ) -> Tokenized:
        """Raises the ``PippinError`` with which the model refuses."""

    async def detokenize(
        self, tokens: tuple[int, ...], *, skip_special_tokens: bool = False
    ) -> str:
        """Raises the ``PippinError`` with which the model refuses."""

    async def memory(self) -> MemoryFigures:
        """Its memory of prompts. Raises ``ModelUnavailable``."""

    async def forget_prompts(self) -> MemoryFigures:
        """Empty that memory, on disk too. Raises ``ModelUnavailable``."""


class Fleet(Protocol):
    """All models that this server serves. The app's lifespan starts and stops it."""

    @property
    def models(self) -> tuple[ServedModel, ...]: ...

    def find(self, name: str | None, slot: str | None = None) -> ServedModel:
        """The model that a request means; ``slot`` is its ``X-Model-Id``. Raises
        ``ModelNotFound``."""

    def known(self, name: str) -> ServedModel:
        """The model of exactly this name or alias. Raises ``ModelNotFound``."""

    @property
    def slots(self) -> Slots:
        """Which model clients mean by ``X-Model-Id``."""

    async def refresh(self) -> None:
        """Look anew for models on the disk."""

    def with_chat_format(self, name: str, chat_format: str) -> ServedModel:
        """The model, to be loaded with this chat template. Raises ``InvalidRequest``: it is loaded
        with another one."""

    async def start(self) -> None: ...

    def end_answers(self) -> None:
        """End every answer in flight with one error: the server is stopping. Take no more."""

    async def stop(self) -> None: ...
