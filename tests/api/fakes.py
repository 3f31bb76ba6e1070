"""A fleet without models: its answers follow a script, and it remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec

from pippin.core.card import ModelCard
from pippin.core.events import (
    Delta,
    Event,
    Finished,
    FinishReason,
    Started,
    TokenLogprob,
    TopLogprob,
)
from pippin.core.memory import MemoryFigures, Reuse, TokenText
from pippin.core.model import ModelInfo, ModelState
from pippin.core.request import ChatPrompt, GenerationRequest, Prompt, TextPrompt
from pippin.core.sampling import SamplingDefaults
from pippin.core.slots import Slots
from pippin.errors import (
    ContextLengthExceeded,
    ModelFailed,
    ModelNotFound,
    ModelUnavailable,
    PippinError,
    ServerBusy,
)
from pippin.wire.messages import Loading, Tokenized

Step = Event | PippinError | float
"""An event to deliver, an error to raise, or seconds to wait."""
Script = Callable[[GenerationRequest], Iterable[Step]]

INFO = ModelInfo(
    architecture="fake",
    context_length=4096,
    vocab_size=1000,
    fingerprint="fp_fake",
    defaults=SamplingDefaults(temperature=0.6, top_k=20),
    template_kwargs=("enable_thinking",),
    device="none",
)


REUSE = Reuse(
    tier="ram",
    matched_tokens=32,
    reason="differs",
    position=40,
    asked=TokenText(7, " mine"),
    remembered=TokenText(8, " theirs"),
)


def words_of(prompt: Prompt) -> list[str]:
    match prompt:
        case TextPrompt():
            return prompt.text.split()
        case ChatPrompt():
            return " ".join(message.content for message in prompt.messages).split()
    return [str(token) for token in prompt.tokens]


def token(text: str, top: int) -> TokenLogprob:
    alternatives = tuple(
        TopLogprob(f"{text}{rank}", f"{text}{rank}".encode(), -1.0 - rank) for rank in range(top)
    )
    return TokenLogprob(text, text.encode(), -0.5, alternatives)


def parrot(request: GenerationRequest) -> Iterable[Step]:
    """Says the last word of the prompt, again and again: one delta per token."""
    words = words_of(request.prompt)
    if len(words) >= INFO.context_length:
        yield ContextLengthExceeded(f"The prompt has {len(words)} tokens.", "messages")
        return
    reuse = REUSE if request.explain_cache else None
    yield Started(1, len(words), cached_tokens=len(words) // 2, reuse=reuse)
    wanted = 5 if request.max_tokens is None else request.max_tokens
    said = f" {words[-1] if words else ''}"
    logprobs = () if request.logprobs is None else (token(said, request.logprobs),)
    for _ in range(min(wanted, 5)):
        for index in range(request.choices):
            yield Delta(1, index, said, logprobs)
    for index in range(request.choices):
        reason: FinishReason = "length" if wanted < 5 else "stop"
        yield Finished(1, index, reason, min(wanted, 5), -float(index) if request.score else None)


class FakeAnswer:
    """Plays a script. ``cancelled`` is set at the first cancel, which also ends it."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = iter(steps)
        self.cancelled = asyncio.Event()
        self.delivered = 0
        self.ended = False

    def cancel(self) -> None:
        self.cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        for step in self._steps:
            if isinstance(step, PippinError):
                raise step
            if isinstance(step, int | float):
                await self._pause(step)
            if self.cancelled.is_set():
                return
            if not isinstance(step, int | float):
                self.delivered += 1
                yield step
        self.ended = True

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.cancelled.wait(), seconds)
        except TimeoutError:
            return


class FakeModel:
    """One served model; ``asked`` and ``answers`` are for tests to look at."""

    def __init__(
        self, name: str = "fake", script: Script = parrot, state: ModelState = "ready"
    ) -> None:
        self.name = name
        self.created = 1_700_000_000
        self.state = state
        self.script = script
        self.asked: list[GenerationRequest] = []
        self.answers: list[FakeAnswer] = []
        self.busy: ServerBusy | None = None
        self.figures = MemoryFigures(
            enabled=True, ram_bytes=7, prompts=4, hits=1, prompt_tokens=40, cached_tokens=30
        )

    @property
    def info(self) -> ModelInfo:
        if self.state != "ready":
            kind = ModelFailed if self.state == "failed" else ModelUnavailable
            raise kind(f"The model {self.name} is {self.state}.")
        return INFO

    on_start = True
    progress = Loading("")

    @property
    def ready(self) -> bool:
        return self.state == "ready"

    @property
    def card(self) -> ModelCard:
        return ModelCard(
            id=self.name,
            created=self.created,
            loaded=self.ready,
            state=self.state,
            memory_bytes=1,
            fits=True,
        )

    @asynccontextmanager
    async def held(self) -> AsyncIterator[ModelInfo]:
        yield self.info

    async def load(self) -> None:
        self.state = "ready"

    async def unload(self) -> None:
        self.state = "unloaded"

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[FakeAnswer]:
        if self.state != "ready":
            raise ModelUnavailable(f"The model {self.name} is {self.state}.")
        if self.busy is not None:
            raise self.busy
        answers = [FakeAnswer(self.script(request)) for request in requests]
        self.asked += requests
        self.answers += answers
        return answers

    async def memory(self) -> MemoryFigures:
        if self.state != "ready":
            raise ModelUnavailable(f"The model {self.name} is {self.state}.")
        return self.figures

    async def forget_prompts(self) -> MemoryFigures:
        await self.memory()
        self.figures = msgspec.structs.replace(self.figures, ram_bytes=0, disk_bytes=0)
        return self.figures

    async def tokenize(
        self, prompt: Prompt, *, add_special_tokens: bool = True, texts: bool = False
    ) -> Tokenized:
        words = ["<s>"] * add_special_tokens + words_of(prompt)
        return Tokenized(1, tuple(len(word) for word in words), tuple(words) if texts else ())

    async def detokenize(
        self, tokens: tuple[int, ...], *, skip_special_tokens: bool = False
    ) -> str:
        return " ".join(str(number) for number in tokens)


class FakeFleet:
    """Several fake models."""

    def __init__(self, *models: FakeModel) -> None:
        self.models = models or (FakeModel(),)
        self.started = False
        self.slots = Slots()

    @property
    def first(self) -> FakeModel:
        return self.models[0]

    async def refresh(self) -> None:
        """There is no disk."""

    def known(self, name: str) -> FakeModel:
        return self.find(name)

    def with_chat_format(self, name: str, chat_format: str) -> FakeModel:
        return self.find(name)

    def find(self, name: str | None, slot: str | None = None) -> FakeModel:
        for model in self.models:
            if name is None or model.name == name:
                return model
        raise ModelNotFound("There is no such model; see /v1/models.", "model")

    async def start(self) -> None:
        self.started = True

    def end_answers(self) -> None:
        for model in self.models:
            for answer in model.answers:
                answer.cancel()

    async def stop(self) -> None:
        self.started = False
