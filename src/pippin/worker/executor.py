"""Serves one loaded model to one gateway."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pippin.core.events import Event, Failed, Started
from pippin.core.model import ModelInfo
from pippin.core.request import ChatPrompt, GenerationRequest
from pippin.engine.lane import Job, Output
from pippin.errors import ContextLengthExceeded, EngineFailure, InvalidRequest, PippinError
from pippin.output.vocabulary import Vocabulary
from pippin.prompt.encoder import PromptEncoder
from pippin.wire import messages as wire
from pippin.wire.channel import Channel
from pippin.worker.answers import Answers, decode
from pippin.worker.engine_thread import EngineThread

log = logging.getLogger(__name__)

Result = TypeVar("Result")

TEXT_THREADS = 2
"""So that one slow prompt does not hold up every other."""


class Executor:
    """Owned by the process. Lives on its event loop: words become tokens on the text threads,
    tokens become events here, and the engine thread never waits for either."""

    def __init__(
        self,
        channel: Channel[wire.ToWorker],
        *,
        engine: EngineThread,
        encoder: PromptEncoder,
        vocabulary: Vocabulary,
        model: ModelInfo,
        eos: frozenset[int],
    ) -> None:
        self._channel = channel
        self._engine = engine
        self._encoder = encoder
        self._vocabulary = vocabulary
        self._model = model
        self._eos = eos
        self._answers = Answers(vocabulary)
        self._preparing: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._text = ThreadPoolExecutor(TEXT_THREADS, thread_name_prefix="text")

    def handle(self, message: wire.ToWorker) -> None:
        """One message of the gateway."""
        match message:
            case wire.Submit():
                self._preparing.add(message.id)
                self._start(self._submit(message))
            case wire.Cancel():
                self._cancel(message.id)
            case wire.Tokenize():
                self._start(self._tokenize(message))
            case wire.Detokenize():
                self._start(self._detokenize(message))
            case wire.Ping():
                self._channel.send(wire.Pong(message.id, *self._engine.load))

    def deliver(self, outputs: Sequence[Output]) -> None:
        """Tell the gateway of one engine step."""
        events, stopped = self._answers.take(outputs)
        for job_id, index in stopped:
            self._engine.cancel(job_id, index)
        if events:
            self._channel.send(wire.Report(tuple(events)))

    # -- requests --------------------------------------------------------------------------------

    async def _submit(self, message: wire.Submit) -> None:
        try:
            job = await self._in_text_thread(lambda: self._prepare(message))
        except PippinError as error:
            self._report(Failed(message.id, error.kind, error.message, error.param))
            return
        finally:
            wanted = message.id in self._preparing
            self._preparing.discard(message.id)
        if not wanted:
            return
        started = Started(message.id, len(job.prompt))
        self._report(started, *self._answers.open(job, message.request))
        self._engine.submit(job)

    def _prepare(self, message: wire.Submit) -> Job:
        """Words → a job that fits. On a text thread."""
        request = message.request
        tokens = self._encoder.encode(request.prompt)
        self._check(tokens, request)
        room = self._model.context_length - len(tokens)
        return Job(
            id=message.id,
            prompt=tokens,
            sampling=request.sampling,
            choices=request.choices,
            max_tokens=room if request.max_tokens is None else min(room, request.max_tokens),
            min_tokens=request.min_tokens,
            eos=frozenset() if request.ignore_eos else self._eos,
            logprobs=0 if request.score and request.logprobs is None else request.logprobs,
            score_prompt=request.echo and request.logprobs is not None,
        )

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
        if request.choices > self._model.max_lanes:
            raise InvalidRequest(
                f"This request asks for {request.choices} choices, and at most "
                f"{self._model.max_lanes} can be generated at once.",
                "n",
            )

    def _cancel(self, request_id: int) -> None:
        self._preparing.discard(request_id)
        if request_id in self._answers:
            self._answers.close(request_id)
            self._engine.cancel(request_id)

    # -- questions about tokens ------------------------------------------------------------------

    async def _tokenize(self, message: wire.Tokenize) -> None:
        try:
            tokens = await self._in_text_thread(
                lambda: self._encoder.encode(
                    message.prompt, add_special_tokens=message.add_special_tokens
                )
            )
        except PippinError as error:
            self._reject(message.id, error)
            return
        texts = tuple(self._vocabulary.text_of(token) for token in tokens)
        self._channel.send(wire.Tokenized(message.id, tokens, texts))

    async def _detokenize(self, message: wire.Detokenize) -> None:
        if any(not 0 <= token < self._model.vocab_size for token in message.tokens):
            bound = self._model.vocab_size - 1
            error = InvalidRequest(f"tokens has an id outside 0 to {bound}.", "tokens")
            self._reject(message.id, error)
            return
        text = await self._in_text_thread(
            lambda: decode(
                self._vocabulary, message.tokens, skip_special_tokens=message.skip_special_tokens
            )
        )
        self._channel.send(wire.Detokenized(message.id, text))

    # -- helpers ---------------------------------------------------------------------------------

    def _report(self, *events: Event) -> None:
        self._channel.send(wire.Report(events))

    def _reject(self, message_id: int, error: PippinError) -> None:
        self._channel.send(wire.Rejected(message_id, error.kind, error.message, error.param))

    async def _in_text_thread(self, work: Callable[[], Result]) -> Result:
        """Run text work beside the loop. What is no ``PippinError`` is a bug: it is logged, and
        the one request that met it fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._text, work)
        except PippinError:
            raise
        except Exception as error:
            log.exception("text work failed")
            raise EngineFailure("The server failed to process this prompt.") from error

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
