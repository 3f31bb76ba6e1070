"""Serves one loaded model to one gateway."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pippin.core.events import Delta, Event, Failed
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import ChatPrompt, GenerationRequest
from pippin.engine.engine import Engine
from pippin.engine.lane import Job, Output
from pippin.errors import ContextLengthExceeded, EngineFailure, InvalidRequest, PippinError
from pippin.memory.prompts import Text
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
FRAME_BYTES = 1 << 20
"""Roughly, of the events in one frame: far below the wire's limit."""
LOGPROB_BYTES = 64
MAX_ECHOED_LOGPROBS = 4_000_000
"""Log-probabilities of prompt tokens in one request: choices x tokens x alternatives."""
MAX_COUNTED_TOKENS = 4_000_000
"""In one answer about tokens: it fits a frame."""
FAILED_INSIDE = "The server failed to process this request."


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
        fits: Callable[[int], int],
        root: Callable[[str], bytes] | None,
    ) -> None:
        """``fits``: tokens that each of so many choices may have in memory. ``root``: the memory
        of prompts' first key for a salt; ``None``: nothing is remembered."""
        self._channel = channel
        self._engine = engine
        self._encoder = encoder
        self._vocabulary = vocabulary
        self._model = model
        self._eos = eos
        self._fits = fits
        self._root = root
        self._answers = Answers(vocabulary)
        self._preparing: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._text = ThreadPoolExecutor(TEXT_THREADS, thread_name_prefix="text")

    def handle(self, message: wire.ToWorker) -> None:
        """One message of the gateway."""
        match message:
            case wire.Submit():
                self._preparing.add(message.id)
                self._start(self._submit(message), lambda error: self._fail(message.id, error))
            case wire.Cancel():
                self._cancel(message.id)
            case wire.Tokenize():
                self._start(self._tokenize(message), lambda error: self._reject(message.id, error))
            case wire.Detokenize():
                self._start(
                    self._detokenize(message), lambda error: self._reject(message.id, error)
                )
            case wire.AskMemory():
                self._engine.ask(_figures, self._teller(message.id))
            case wire.ForgetPrompts():
                self._engine.ask(_forget_prompts, self._teller(message.id))
            case wire.Ping():
                self._channel.send(wire.Pong(message.id, *self._engine.load))

    @property
    def busy(self) -> bool:
        """Whether text work is under way."""
        return bool(self._tasks)

    def deliver(self, outputs: Sequence[Output]) -> None:
        """Tell the gateway of one engine step."""
        try:
            events, stopped = self._answers.take(outputs)
        except Exception:
            log.exception("engine outputs could not be told")
            for job_id in dict.fromkeys(output.job_id for output in outputs):
                self._fail(job_id, EngineFailure(FAILED_INSIDE))
            return
        for job_id, index in stopped:
            self._engine.cancel(job_id, index)
        self._report(*events)

    # -- requests --------------------------------------------------------------------------------

    async def _submit(self, message: wire.Submit) -> None:
        try:
            job = await self._in_text_thread(lambda: self._prepare(message))
        finally:
            wanted = message.id in self._preparing
            self._preparing.discard(message.id)
        if not wanted:
            return
        self._answers.open(job, message.request)
        self._engine.submit(job)

    def _prepare(self, message: wire.Submit) -> Job:
        """Words → a job that fits. On a text thread."""
        request = message.request
        tokens = self._encoder.encode(request.prompt)
        self._check(tokens, request)
        room = self._room(tokens, request)
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
            tenant=request.tenant,
            priority=request.priority,
            arrived=time.monotonic(),
            text=Text.of(self._root(request.cache_salt), tokens) if self._root else None,
            explain=request.explain_cache,
            turn_ends=self._eos,
        )

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

    def _cancel(self, request_id: int) -> None:
        self._preparing.discard(request_id)
        if request_id in self._answers:
            self._answers.close(request_id)
            self._engine.cancel(request_id)

    # -- questions about tokens ------------------------------------------------------------------

    async def _tokenize(self, message: wire.Tokenize) -> None:
        self._channel.send(await self._in_text_thread(lambda: self._tokenized(message)))

    def _tokenized(self, question: wire.Tokenize) -> wire.Tokenized:
        """On a text thread."""
        tokens = self._encoder.encode(
            question.prompt, add_special_tokens=question.add_special_tokens
        )
        if len(tokens) > MAX_COUNTED_TOKENS:
            raise InvalidRequest(
                f"The prompt has more than {MAX_COUNTED_TOKENS} tokens. Send it in parts."
            )
        texts = map(self._vocabulary.text_of, tokens) if question.texts else ()
        return wire.Tokenized(question.id, tokens, tuple(texts))

    async def _detokenize(self, message: wire.Detokenize) -> None:
        text = await self._in_text_thread(lambda: self._decoded(message))
        self._channel.send(wire.Detokenized(message.id, text))

    def _decoded(self, question: wire.Detokenize) -> str:
        """On a text thread."""
        highest = self._model.vocab_size - 1
        if any(not 0 <= token <= highest for token in question.tokens):
            raise InvalidRequest(f"tokens has an id outside 0 to {highest}.", "tokens")
        return decode(
            self._vocabulary, question.tokens, skip_special_tokens=question.skip_special_tokens
        )

    def _teller(self, message_id: int) -> Callable[[MemoryFigures], None]:
        """Sends figures from the engine thread."""
        loop = asyncio.get_running_loop()

        def tell(figures: MemoryFigures) -> None:
            answer = wire.MemoryTold(message_id, figures)
            loop.call_soon_threadsafe(self._channel.send, answer)

        return tell

    # -- helpers ---------------------------------------------------------------------------------

    def _report(self, *events: Event) -> None:
        """Send events, in frames that no crowd can make too long."""
        for frame in _in_frames(events):
            self._channel.send(wire.Report(frame))

    def _fail(self, request_id: int, error: PippinError) -> None:
        self._answers.close(request_id)
        self._engine.cancel(request_id)
        self._report(Failed(request_id, error.kind, error.message, error.param))

    def _reject(self, message_id: int, error: PippinError) -> None:
        self._channel.send(wire.Rejected(message_id, error.kind, error.message, error.param))

    async def _in_text_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._text, work)

    def _start(
        self, work: Coroutine[None, None, None], on_error: Callable[[PippinError], None]
    ) -> None:
        task = asyncio.create_task(_guarded(work, on_error))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _figures(engine: Engine) -> MemoryFigures:
    return engine.figures


def _forget_prompts(engine: Engine) -> MemoryFigures:
    engine.forget_prompts()
    return engine.figures


async def _guarded(
    work: Coroutine[None, None, None], on_error: Callable[[PippinError], None]
) -> None:
    """What is no ``PippinError`` is a bug: it is logged, and the one request that met it fails."""
    try:
        await work
    except PippinError as error:
        on_error(error)
    except Exception:
        log.exception("a request failed inside")
        on_error(EngineFailure(FAILED_INSIDE))


def _in_frames(events: Sequence[Event]) -> Iterator[tuple[Event, ...]]:
    frame: list[Event] = []
    weight = 0
    for event in events:
        frame.append(event)
        if isinstance(event, Delta):
            entries = sum(1 + len(entry.top) for entry in event.logprobs)
            weight += len(event.text) + entries * LOGPROB_BYTES
        if weight > FRAME_BYTES:
            yield tuple(frame)
            frame, weight = [], 0
    if frame:
        yield tuple(frame)
