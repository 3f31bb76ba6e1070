"""The executor's promise: every request gets its one terminal event, whatever fails inside."""

import asyncio
import errno
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.events import Delta, Event, Failed, Finished
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest, TextPrompt, TokenPrompt
from pippin.engine.lane import Job, PromptScored, Score, Token
from pippin.memory.text import Text
from pippin.models.adapter_names import AdapterNames
from pippin.output.choice import Choice
from pippin.wire import codec
from pippin.wire import messages as wire
from pippin.worker.executor import FRAME_BYTES, Executor
from pippin.worker.language import language_of

TOKENIZER = Tokenizer.from_file(str(demo.MODELS["demo"] / "tokenizer.json"))
LANGUAGE = language_of(TOKENIZER, None, vocab_size=1536, eos=frozenset())
ADAPTERS = AdapterNames(("one", "two"), default=2, digests=(b"", b"1", b"2"))
MODEL = ModelInfo(architecture="mock", context_length=4096, vocab_size=1536, fingerprint="fp")


class SentMessages:
    """Stands for a channel: encodes like one, and keeps what was sent."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, message: wire.ToGateway) -> None:
        self.frames.append(codec.encode(message))

    @property
    def messages(self) -> list[wire.ToGateway]:
        return codec.gateway_side().feed(b"".join(self.frames))

    @property
    def events(self) -> list[Event]:
        reports = [message for message in self.messages if isinstance(message, wire.Report)]
        return [event for report in reports for event in report.events]


class NotedJobs:
    """Stands for the engine thread and its engine: takes jobs and cancels, and does nothing."""

    load = (0, 0, 0)

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[int] = []
        self.forgotten: Future[None] = Future()

    def ask(self, question: Callable[[Any], Any], tell: Callable[[Any], None]) -> None:
        """Answered on another thread, as by the engine's."""
        thread = threading.Thread(target=tell, args=(question(self),))
        thread.start()
        thread.join()

    def forget_prompts(self) -> Future[None]:
        return self.forgotten

    @property
    def figures(self) -> MemoryFigures:
        return MemoryFigures(enabled=True, disk_records=0 if self.forgotten.done() else 7)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        self.cancelled.append(job_id)


class Desk:
    """An executor between the two."""

    def __init__(
        self, encoder: Any = None, fits: Callable[[int], int] = lambda choices: 1 << 40
    ) -> None:
        language = LANGUAGE if encoder is None else replace(LANGUAGE, encoder=encoder)
        self.sent = SentMessages()
        self.engine = NotedJobs()
        self.executor = Executor(
            cast(Any, self.sent),
            engine=cast(Any, self.engine),
            language=language,
            model=MODEL,
            fits=fits,
            text=lambda salt, tokens, digest: Text.of(digest, tokens),
            adapters=ADAPTERS,
        )

    async def ask(self, *messages: wire.ToWorker) -> None:
        """Hand in messages and wait until the text threads are done with them."""
        for message in messages:
            self.executor.handle(message)
        while self.executor.busy:
            await asyncio.sleep(0.001)


class BrokenEncoder:
    def encode(self, *_: object, **__: object) -> Sequence[int]:
        raise RuntimeError("planted failure")

    read = encode


def request(**fields: Any) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text="x x x"), **fields)


@pytest.mark.anyio
async def test_a_bug_in_text_work_fails_the_one_request() -> None:
    desk = Desk(BrokenEncoder())
    await desk.ask(wire.Submit(1, request()), wire.Tokenize(2, TextPrompt(text="x")))
    (failed,) = desk.sent.events
    assert isinstance(failed, Failed)
    assert (failed.id, failed.kind) == (1, "EngineFailure")
    assert "planted" not in failed.message
    assert {type(message) for message in desk.sent.messages} == {wire.Report, wire.Rejected}


@pytest.mark.anyio
async def test_adapters_are_found_by_name() -> None:
    desk = Desk()
    names = [None, "", "one", "two"]
    await desk.ask(*(wire.Submit(at, request(adapter=name)) for at, name in enumerate(names)))
    jobs = sorted(desk.engine.jobs, key=lambda job: job.id)
    assert [job.adapter for job in jobs] == [2, 0, 1, 2]
    assert [job.text.keys[0] for job in jobs if job.text] == [b"2", b"", b"1", b"2"]


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["three", "../one", "/etc/passwd", "O" * 5000, "\x00", "one "])
async def test_an_adapter_that_is_not_there(name: str) -> None:
    desk = Desk()
    await desk.ask(wire.Submit(1, request(adapter=name)))
    (failed,) = desk.sent.events
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.param) == ("AdapterNotFound", "adapter")
    assert "GET /v1/adapters" in failed.message
    assert len(failed.message) < 300
    assert desk.engine.jobs == []


@pytest.mark.anyio
async def test_a_request_cancelled_while_it_is_prepared_is_never_submitted() -> None:
    desk = Desk()
    await desk.ask(wire.Submit(1, request()), wire.Cancel(1))
    assert desk.engine.jobs == []
    assert desk.sent.events == []


@pytest.mark.anyio
async def test_a_bug_in_telling_fails_the_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    await desk.ask(*(wire.Submit(number, request()) for number in (1, 2)))
    add = Choice.add

    def broken(choice: Choice, token: int, *rest: Any) -> list[Event]:
        if token == 301:
            raise RuntimeError("planted failure")
        return add(choice, token, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Choice, "add", broken)
        desk.executor.deliver([Token(1, 0, 301), Token(2, 0, 300), Token(1, 0, 300)])
    desk.executor.deliver([Token(2, 0, 300, "length")])
    told = [(type(event), event.id) for event in desk.sent.events]
    assert told == [(Failed, 1), (Delta, 2), (Delta, 2), (Finished, 2)]
    assert desk.engine.cancelled == [1]


@pytest.mark.anyio
async def test_a_huge_step_is_told_in_many_frames() -> None:
    desk = Desk()
    await desk.ask(wire.Submit(1, request(echo=True, logprobs=20, choices=32, max_tokens=0)))
    score = Score(-1.0, tuple((token, -1.0) for token in range(20)))
    runs = [PromptScored(1, (300,) * 64, (score,) * 64) for _ in range(40)]
    desk.executor.deliver(runs)
    assert max(map(len, desk.sent.frames)) < 4 * FRAME_BYTES
    deltas = [event for event in desk.sent.events if isinstance(event, Delta)]
    assert len(deltas) == 40 * 32


@pytest.mark.anyio
async def test_what_tokens_make_is_told_in_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that of every choice a frame tells what its told tokens make, and the end with it."""
    monkeypatch.setattr("pippin.worker.executor.FRAME_BYTES", 0)
    desk = Desk()
    await desk.ask(wire.Submit(1, request(stop=("ax",))))
    letters = [TOKENIZER.encode(each, add_special_tokens=False).ids[0] for each in "aba"]
    ends = (None, None, "length")
    desk.executor.deliver(
        [Token(1, 0, token, end) for token, end in zip(letters, ends, strict=True)]  # type: ignore[arg-type]
    )
    assert [m.events for m in desk.sent.messages if isinstance(m, wire.Report)] == [
        (Delta(1, 0, "ab", tokens=tuple(letters[:2])),),
        (Delta(1, 0, "a", tokens=tuple(letters[2:])), Finished(1, 0, "length", 3)),
    ]


@pytest.mark.anyio
async def test_too_many_echoed_logprobs_are_refused_before_work() -> None:
    desk = Desk()
    large = request(echo=True, logprobs=20, choices=64)
    large = msgspec.structs.replace(large, prompt=TokenPrompt(tokens=(300,) * 3500))
    await desk.ask(wire.Submit(1, large))
    (failed,) = desk.sent.events
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.param) == ("InvalidRequest", "logprobs")


@pytest.mark.anyio
@pytest.mark.parametrize("tokens", [(10**6,), (-1,)])
async def test_tokens_outside_the_vocabulary(tokens: tuple[int, ...]) -> None:
    desk = Desk()
    await desk.ask(wire.Detokenize(1, tokens))
    (rejected,) = desk.sent.messages
    assert isinstance(rejected, wire.Rejected)
    assert rejected.param == "tokens"


@pytest.mark.anyio
async def test_a_prompt_that_memory_cannot_hold_is_refused_and_an_answer_is_bounded() -> None:
    desk = Desk(fits=lambda choices: 40 // choices)
    short, long = request(choices=2), request(choices=8)
    await desk.ask(wire.Submit(1, short), wire.Submit(2, long))
    (job,) = desk.engine.jobs
    assert job.max_tokens == 20 - len(job.prompt)
    (failed,) = desk.sent.events
    assert isinstance(failed, Failed)
    assert failed.kind == "ContextLengthExceeded"


@pytest.mark.anyio
async def test_prompts_are_forgotten_when_that_is_told() -> None:
    """On disk as well, which is not the engine's to wait for."""
    desk = Desk()
    desk.executor.handle(wire.ForgetPrompts(1))
    desk.executor.handle(wire.AskMemory(2))
    while not desk.sent.messages:
        await asyncio.sleep(0.001)
    (told,) = desk.sent.messages
    assert told == wire.MemoryTold(2, MemoryFigures(enabled=True, disk_records=7))
    desk.engine.forgotten.set_result(None)
    await desk.ask()
    assert desk.sent.messages[1:] == [wire.MemoryTold(1, MemoryFigures(enabled=True))]


@pytest.mark.anyio
async def test_a_disk_that_refuses_to_forget_is_told() -> None:
    desk = Desk()
    desk.engine.forgotten.set_exception(PermissionError(errno.EACCES, "Permission denied", "/x"))
    await desk.ask(wire.ForgetPrompts(1))
    (rejected,) = desk.sent.messages
    assert isinstance(rejected, wire.Rejected)
    assert (rejected.id, rejected.kind) == (1, "EngineFailure")
    assert "Permission denied" in rejected.message
    assert "/x" not in rejected.message


@pytest.mark.anyio
async def test_a_disk_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pippin.worker.executor.FORGET_PATIENCE_S", 0.01)
    desk = Desk()
    await desk.ask(wire.ForgetPrompts(1))
    (rejected,) = desk.sent.messages
    assert isinstance(rejected, wire.Rejected)
    assert "it takes long" in rejected.message
