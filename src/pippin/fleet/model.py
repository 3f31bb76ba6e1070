"""A model as the door sees it."""

from collections.abc import Sequence

from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest, Prompt
from pippin.fleet.answer import Answer
from pippin.fleet.supervisor import State, Supervisor
from pippin.wire.messages import Loading, Tokenized


class ServedModel:
    """One model that this server serves, whatever becomes of its worker. Owned by the fleet."""

    def __init__(self, supervisor: Supervisor, created: int) -> None:
        self._supervisor = supervisor
        self.name = supervisor.name
        """The id that clients use."""
        self.created = created
        """Unix seconds."""

    @property
    def state(self) -> State:
        return self._supervisor.state

    @property
    def reason(self) -> str | None:
        """Why it failed, or what it is doing while it loads. For the operator: may name paths."""
        return self._supervisor.reason

    @property
    def progress(self) -> Loading:
        """How far the loading stage is; its ``total`` is 0 while unknown."""
        return self._supervisor.progress

    @property
    def info(self) -> ModelInfo:
        """Raises: ModelUnavailable unless ready."""
        return self._supervisor.info

    async def settled(self) -> None:
        """Wait until it is ready, or has failed and ``reason`` says why."""
        await self._supervisor.settled()

    def submit(self, request: GenerationRequest) -> Answer:
        """Begin an answer. Raises: as ``submit_all``."""
        return self.submit_all((request,))[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Begin an answer for each of them, or for none.

        Raises:
            ModelUnavailable: the model is not ready.
            InvalidRequest: a request is larger than a frame.
            ServerBusy: too many are waiting, or the worker does not take what it was sent.
        """
        return self._supervisor.requests.submit_all(requests)

    async def tokenize(
        self, prompt: Prompt, *, add_special_tokens: bool = True, texts: bool = False
    ) -> Tokenized:
        """The tokens that generation would see, and on request each one's own text.

        Raises:
            PippinError: as ``submit``, or of the kind with which the worker rejects it.
        """
        return await self._supervisor.requests.tokenize(prompt, add_special_tokens, texts)

    async def detokenize(
        self, tokens: tuple[int, ...], *, skip_special_tokens: bool = False
    ) -> str:
        """The text of tokens. Raises: as ``tokenize``."""
        return await self._supervisor.requests.detokenize(tokens, skip_special_tokens)

    async def memory(self) -> MemoryFigures:
        """Its memory of prompts, as of now. Raises: as ``tokenize``."""
        return await self._supervisor.requests.memory()

    async def forget_prompts(self) -> MemoryFigures:
        """Forget every prompt, in RAM and on disk. Raises: as ``tokenize``."""
        return await self._supervisor.requests.forget_prompts()
