"""What the door needs of a fleet, and nothing more: ``pippin.fleet`` provides it."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from pippin.core.events import Event
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest, Prompt
from pippin.wire.messages import Tokenized

State = Literal["loading", "ready", "failed"]


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
    def state(self) -> State: ...

    @property
    def info(self) -> ModelInfo:
        """Raises ``ModelUnavailable`` unless the model is ready."""

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

    def find(self, name: str | None) -> ServedModel:
        """``None``: the first model. Raises ``ModelNotFound``."""

    async def start(self) -> None: ...

    def end_answers(self) -> None:
        """End every answer in flight with one error: the server is stopping. Take no more."""

    async def stop(self) -> None: ...
