"""Serves one loaded model to one gateway."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pippin.core.events import Delta, Event, Failed
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.engine.lane import Output, Token
from pippin.errors import EngineFailure, InvalidRequest, PippinError
from pippin.models.adapter_names import AdapterNames
from pippin.wire import messages as wire
from pippin.wire.channel import Channel
from pippin.worker.answers import Answers, decode
from pippin.worker.engine_thread import EngineThread
from pippin.worker.job_maker import JobMaker
from pippin.worker.language import Language
from pippin.worker.runtime import Engine, MakeText

log = logging.getLogger(__name__)

Result = TypeVar("Result")

TEXT_THREADS = 2
"""So that one slow prompt does not hold up every other."""
FORM_THREADS = 2
"""Of their own: grammars that take long to compile hold up nothing but other requests with one."""
FRAME_BYTES = 1 << 20
"""Roughly, of the events in one frame: far below the wire's limit."""
LOGPROB_BYTES = 64
MAX_COUNTED_TOKENS = 4_000_000
"""In one answer about tokens: it fits a frame."""
FORGET_PATIENCE_S = 20.0
"""For a disk that is to forget."""
NOT_FORGOTTEN = (
    "The prompts on disk cannot be removed: {}. None of them is used any more while this server "
    "runs, and it goes on trying."
)
FAILED_INSIDE = "The server failed to process this request."


class Executor:
    """Owned by the process. Lives on its event loop: words become tokens on the text threads,
    tokens become events here, and the engine thread never waits for either."""

    def __init__(
        self,
        channel: Channel[wire.ToWorker],
        *,
        engine: EngineThread,
        language: Language,
        model: ModelInfo,
        fits: Callable[[int], int],
        text: MakeText | None,
        adapters: AdapterNames,
    ) -> None:
        """``fits``: tokens that each of so many choices may have in memory. ``text``: of the memory
        of prompts; ``None``: nothing is remembered. ``adapters``: of the model."""
        self._channel = channel
        self._engine = engine
        self._encoder = language.encoder
        self._vocabulary = language.vocabulary
        self._model = model
        self._jobs = JobMaker(language, model=model, fits=fits, text=text, adapters=adapters)
        self._answers = Answers(language)
        self._preparing: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._text = ThreadPoolExecutor(TEXT_THREADS, thread_name_prefix="text")
        self._forms = ThreadPoolExecutor(FORM_THREADS, thread_name_prefix="forms")

    def handle(self, message: wire.ToWorker) -> None:
        """One message of the gateway."""
        match message:
            case wire.Submit():
                self._preparing.add(message.id)
                self._start(self._submit(message), lambda error: self._fail(message.id, error))
            case wire.Cancel():
                self._cancel(message.id)
            case wire.Tokenize():
                self._start_answer(message.id, self._tokenize(message))
            case wire.Detokenize():
                self._start_answer(message.id, self._detokenize(message))
            case wire.AskMemory():
                self._start_answer(message.id, self._tell_of_memory(message.id))
            case wire.ForgetPrompts():
                self._start_answer(message.id, self._forget_prompts(message.id))

    @property
    def busy(self) -> bool:
        """Whether text work is under way."""
        return bool(self._tasks)

    def deliver(self, outputs: Sequence[Output]) -> None:
        """Tell the gateway of one engine step. What cannot be told fails the one request."""
        groups: list[Sequence[Event]] = []
        for output in outputs:
            job_id = output.job_id
            try:
                told, stopped = self._answers.take([output])
            except Exception:
                log.exception("an engine output could not be told")
                self._answers.close(job_id)
                self._engine.cancel(job_id)
                error = EngineFailure(FAILED_INSIDE)
                groups.append([Failed(job_id, error.kind, error.message)])
                continue
            if isinstance(output, Token):
                groups.append(told)
            else:
                groups += [[event] for event in told]
            for ended in stopped:
                self._engine.cancel(*ended)
        self._report(groups)

    # -- requests --------------------------------------------------------------------------------

    async def _submit(self, message: wire.Submit) -> None:
        try:
            request = message.request
            threads = self._forms if request.constraint or request.tool_use else self._text
            prepared = await asyncio.get_running_loop().run_in_executor(
                threads, self._jobs.prepared, message.id, request, message.resumed
            )
        finally:
            wanted = message.id in self._preparing
            self._preparing.discard(message.id)
        if not wanted:
            return
        self._answers.open(prepared, message.request)
        self._report([prepared.owed])
        if message.id in self._answers:
            self._engine.submit(prepared.job)

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

    # -- the memory of prompts -------------------------------------------------------------------

    async def _tell_of_memory(self, message_id: int) -> None:
        figures = await self._asked(_figures)
        self._channel.send(wire.MemoryTold(message_id, figures))

    async def _forget_prompts(self, message_id: int) -> None:
        """Answers when nothing is left, on disk either."""
        forgotten = await self._asked(_forget_prompts)
        try:
            await asyncio.wait_for(asyncio.wrap_future(forgotten), FORGET_PATIENCE_S)
        except OSError as error:  # a TimeoutError is one
            raise EngineFailure(NOT_FORGOTTEN.format(error.strerror or "it takes long")) from error
        await self._tell_of_memory(message_id)

    async def _asked(self, question: Callable[[Engine], Result]) -> Result:
        """What the engine says between two steps."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()

        def tell(told: Result) -> None:
            loop.call_soon_threadsafe(answer.set_result, told)

        self._engine.ask(question, tell)
        return await answer

    # -- helpers ---------------------------------------------------------------------------------

    def _report(self, groups: Iterable[Sequence[Event]]) -> None:
        """Send events, in frames that no crowd can make too long. A group stays together."""
        for frame in _in_frames(groups):
            self._channel.send(wire.Report(frame))

    def _fail(self, request_id: int, error: PippinError) -> None:
        self._answers.close(request_id)
        self._engine.cancel(request_id)
        self._report([[Failed(request_id, error.kind, error.message, error.param)]])

    def _reject(self, message_id: int, error: PippinError) -> None:
        self._channel.send(wire.Rejected(message_id, error.kind, error.message, error.param))

    async def _in_text_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._text, work)

    def _start_answer(self, message_id: int, work: Coroutine[None, None, None]) -> None:
        """Of a question, which gets one answer or one error."""
        self._start(work, lambda error: self._reject(message_id, error))

    def _start(
        self, work: Coroutine[None, None, None], on_error: Callable[[PippinError], None]
    ) -> None:
        task = asyncio.create_task(_guarded(work, on_error))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _figures(engine: Engine) -> MemoryFigures:
    return engine.figures


def _forget_prompts(engine: Engine) -> Future[None]:
    return engine.forget_prompts()


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


def _in_frames(groups: Iterable[Sequence[Event]]) -> Iterator[tuple[Event, ...]]:
    frame: list[Event] = []
    weight = 0
    for group in groups:
        frame += group
        weight += sum(_weight(event) for event in group)
        if weight > FRAME_BYTES:
            yield tuple(frame)
            frame, weight = [], 0
    if frame:
        yield tuple(frame)


def _weight(event: Event) -> int:
    """Roughly, in bytes."""
    if not isinstance(event, Delta):
        return 0
    entries = sum(1 + len(entry.top) for entry in event.logprobs)
    return len(event.text) + entries * LOGPROB_BYTES
