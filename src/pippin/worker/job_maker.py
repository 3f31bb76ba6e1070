"""A request → a job that fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pippin.core.events import Event
from pippin.core.model import ModelInfo
from pippin.core.request import ChatPrompt, GenerationRequest
from pippin.engine.lane import Job
from pippin.errors import AdapterNotFound, ContextLengthExceeded, InvalidRequest
from pippin.models.adapter_names import AdapterNames
from pippin.output.choice import Choice
from pippin.output.thinking import Thinking
from pippin.wire.messages import Resumption
from pippin.worker.choice_maker import choice_maker
from pippin.worker.language import Language
from pippin.worker.replay import Replay
from pippin.worker.runtime import MakeText

MAX_ECHOED_LOGPROBS = 4_000_000
"""Log-probabilities of prompt tokens in one request: choices x tokens x alternatives."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, ready to be worked on."""

    job: Job
    choices: Sequence[Choice]
    owed: Sequence[Event] = ()
    """What is to be told at once: of an answer that is taken up again, choices that are complete
    after all."""


class JobMaker:
    """Owned by the executor; all of it is for the text threads."""

    def __init__(
        self,
        language: Language,
        *,
        model: ModelInfo,
        fits: Callable[[int], int],
        text: MakeText | None,
        adapters: AdapterNames,
    ) -> None:
        """As of the ``Executor``."""
        self._adapters = adapters
        self._language = language
        self._model = model
        self._fits = fits
        self._text = text

    def prepared(
        self, id: int, request: GenerationRequest, resumed: Sequence[Resumption] = ()
    ) -> Prepared:
        """Words become tokens, and every check that needs them is made. ``resumed``: as of
        ``wire.Submit``.

        Raises:
            AdapterNotFound: this model has no such adapter.
            InvalidRequest: the request is not for this model.
            ContextLengthExceeded: the prompt does not fit.
        """
        adapter = self._adapter(request)
        prompt = self._language.encoder.read(request.prompt)
        self._check(prompt.tokens, request)
        thinking = self._language.thinking(request, prompt.tail)
        job = self._job(id, request, prompt.tokens, thinking, adapter)
        make = choice_maker(self._language, id, request, thinking)
        if not resumed:
            return Prepared(job, [make(index, 0) for index in range(request.choices)])
        replay = Replay(job, request, make, resumed)
        return Prepared(replay.job, replay.choices, replay.owed)

    def _job(
        self,
        id: int,
        request: GenerationRequest,
        tokens: tuple[int, ...],
        thinking: Thinking | None,
        adapter: int,
    ) -> Job:
        eos = self._language.eos
        digest = self._adapters.digests[adapter]
        room = self._room(tokens, request)
        return Job(
            id=id,
            prompt=tokens,
            sampling=request.sampling,
            choices=request.choices,
            max_tokens=room if request.max_tokens is None else min(room, request.max_tokens),
            min_tokens=request.min_tokens,
            eos=frozenset() if request.ignore_eos else eos,
            logprobs=0 if request.score and request.logprobs is None else request.logprobs,
            score_prompt=request.echo and request.logprobs is not None,
            adapter=adapter,
            tenant=request.tenant,
            priority=request.priority,
            text=self._text(request.cache_salt, tokens, digest) if self._text else None,
            explain=request.explain_cache,
            turn_ends=eos,
            form=self._language.form(request, thinking),
            thinking_limit=self._language.thinking_limit(request, thinking),
        )

    def _adapter(self, request: GenerationRequest) -> int:
        try:
            return self._adapters.find(request.adapter)
        except KeyError:
            raise AdapterNotFound.of(request.adapter or "") from None

    def _room(self, tokens: Sequence[int], request: GenerationRequest) -> int:
        """Tokens that each choice may have: what is left of the context, and of memory.

        Raises:
            ContextLengthExceeded: none are.
        """
        most = min(self._model.context_length, self._fits(request.choices))
        if len(tokens) >= most:
            raise ContextLengthExceeded(
                f"The prompt has {len(tokens)} tokens, and memory holds {most} for each of "
                f"{request.choices} choices. Shorten the prompt or lower n; the server's "
                "operator may raise --memory.",
                "messages" if isinstance(request.prompt, ChatPrompt) else "prompt",
            )
        return most - len(tokens)

    def _check(self, tokens: Sequence[int], request: GenerationRequest) -> None:
        if not tokens:
            raise InvalidRequest("The prompt has no tokens. Send at least one.", "prompt")
        if len(tokens) >= self._model.context_length:
            raise ContextLengthExceeded(
                f"The prompt has {len(tokens)} tokens, and this model's context holds "
                f"{self._model.context_length} with the answer. Shorten the prompt.",
                "messages" if isinstance(request.prompt, ChatPrompt) else "prompt",
            )
        highest = self._model.vocab_size - 1
        if max(tokens) > highest or min(tokens) < 0:
            raise InvalidRequest(f"The prompt has a token id outside 0 to {highest}.", "prompt")
        if any(not 0 <= token <= highest for token in request.sampling.logit_bias):
            raise InvalidRequest(
                f"logit_bias names a token id outside 0 to {highest}.", "logit_bias"
            )
        if request.echo and request.logprobs is not None:
            asked = len(tokens) * request.choices * (1 + request.logprobs)
            if asked > MAX_ECHOED_LOGPROBS:
                raise InvalidRequest(
                    f"echo with logprobs would deliver {asked} log-probabilities, and at most "
                    f"{MAX_ECHOED_LOGPROBS} are. Lower n or logprobs, or shorten the prompt.",
                    "logprobs",
                )
        if request.choices > self._model.max_lanes:
            raise InvalidRequest(
                f"This request asks for {request.choices} choices, and at most "
                f"{self._model.max_lanes} can be generated at once.",
                "n",
            )
