"""Lanes decode in the midst of a long prompt's pass, and say what they say alone."""

import time
from collections.abc import Callable
from dataclasses import replace

import mlx.core as mx
import pytest

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.interludes import Interludes
from pippin.engine.lane import Job, JobFailed, Output, Token
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.planes import Snapshot
from pippin.memory.prompts import PromptMemory, Text
from tests.engine import zoo
from tests.engine.driver import SetPace, Transcript, run

GREEDY = Sampling(temperature=0.0)
LONG = tuple(number % zoo.VOCAB for number in range(1_200))
LANE = Job(id=1, prompt=(5, 6, 7), max_tokens=60, sampling=GREEDY)
NEWCOMER = Job(id=2, prompt=LONG, max_tokens=8, sampling=GREEDY)


def engine_of(model: object, memory: PromptMemory | None = None) -> Engine:
    engine = Engine(model, vocab_size=zoo.VOCAB, memory=memory)  # type: ignore[arg-type]
    engine._pace = SetPace(128, patience=0.0)  # type: ignore[assignment]
    return engine


def together(
    engine: Engine, lane: Job = LANE, newcomer: Job = NEWCOMER
) -> tuple[Transcript, list[tuple[Output, bool]]]:
    """What is said, and all outputs in their order: was it before the end of its step?"""
    said, order = Transcript(), list[tuple[Output, bool]]()

    def take(outputs: object, early: bool) -> None:
        assert isinstance(outputs, list)
        said.take(outputs)
        order.extend((output, early) for output in outputs)

    engine.submit(lane)
    while not said.tokens[lane.id, 0]:
        take(engine.step(), early=False)
    engine.submit(newcomer)
    while not engine.idle:
        take(engine.step(lambda outputs: take(outputs, early=True)), early=False)
    engine.check_integrity()
    return said, order


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "qwen3_next"])
def test_the_words_are_those_that_each_says_alone(name: str) -> None:
    model = zoo.build(name)
    said, order = together(engine_of(model))
    for job in (LANE, NEWCOMER):
        alone = run(Engine(model, vocab_size=zoo.VOCAB), [job])
        assert said.tokens[job.id, 0] == alone.tokens[job.id, 0]
    tokens = [(each.job_id, early) for each, early in order if isinstance(each, Token)]
    before = tokens[: tokens.index((NEWCOMER.id, False))]
    assert before.count((LANE.id, True)) > 2 * len(LONG) / 128


def test_a_lane_that_fails_meanwhile_ends_alone() -> None:
    class Failing:
        """Raises in the first pass that is made in the midst of another."""

        def __init__(self) -> None:
            self.model = zoo.build("llama")
            self.layers = self.model.layers
            self.depth = 0

        def __call__(self, inputs: mx.array, cache: object) -> mx.array:
            self.depth += 1
            try:
                if self.depth == 2:
                    raise RuntimeError("planted failure")
                logits: mx.array = self.model(inputs, cache=cache)
                return logits
            finally:
                self.depth -= 1

    said, _ = together(engine_of(Failing()))
    alone = run(Engine(zoo.build("llama"), vocab_size=zoo.VOCAB), [NEWCOMER])
    assert said.failed == [LANE.id]
    assert said.tokens[NEWCOMER.id, 0] == alone.tokens[NEWCOMER.id, 0]


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "qwen3_next", "mamba2"])
def test_lanes_go_on_while_a_prompt_is_copied_to_be_remembered(name: str) -> None:
    model = zoo.build(name)
    needs_state = cannot_be_cut(CacheMaker(model))
    memory = PromptMemory(fingerprint=b"a model", needs_state=needs_state, ram_bytes=1 << 28)
    engine = engine_of(model, memory)
    remember, meanwhile = memory.remember, dict[int, int]()

    def noted(text: Text, take: Callable[[int, int], Snapshot]) -> None:
        def taken(low: int, high: int) -> Snapshot:
            before = engine._interludes.delivered
            snapshot = take(low, high)
            meanwhile[high] = engine._interludes.delivered - before
            return snapshot

        remember(text, taken)

    memory.remember = noted  # type: ignore[method-assign]
    lane, newcomer = (replace(job, text=memory.text("", job.prompt)) for job in (LANE, NEWCOMER))
    lane = replace(lane, max_tokens=300)
    said, _ = together(engine, lane, newcomer)
    assert meanwhile[len(LONG) - 1] > 1
    again = run(engine, [replace(newcomer, id=3)])
    assert again.begun[3].cached > len(LONG) // 2
    for job, words in ((lane, said), (newcomer, said), (replace(newcomer, id=3), again)):
        alone = run(Engine(model, vocab_size=zoo.VOCAB), [replace(job, text=None)])
        assert words.tokens[job.id, 0] == alone.tokens[job.id, 0]


def test_nothing_is_interrupted_that_may_not_be() -> None:
    steps = 0

    def decode(_: list[Output]) -> None:
        nonlocal steps
        steps += 1
        interludes.look()  # by the step's own pass

    interludes = Interludes(decode)
    interludes.begin(lambda _: None)
    interludes.look()
    with interludes.within(None, []):
        interludes.look()
    with interludes.within(3600.0, []):
        interludes.look()
    assert (steps, interludes.seconds) == (0, 0.0)
    with interludes.within(0.0, []):
        interludes.look()
        interludes.look()
    interludes.look()
    assert steps == 2
    assert interludes.seconds > 0
    interludes.begin(None)
    with interludes.within(0.0, []):
        interludes.look()
    assert (steps, interludes.seconds) == (2, 0.0)


def test_failures_are_kept_for_the_end() -> None:
    token, failed = Token(1, 0, 5), JobFailed(2)
    told: list[Output] = []
    interludes = Interludes(lambda outputs: outputs.extend([failed, token]))
    interludes.begin(told.extend)
    before: list[Output] = [failed, token]
    with interludes.within(0.0, before):
        interludes.look()
    assert (told, before, interludes.delivered) == ([token, token], [failed], 2)
    assert (interludes.failures(), interludes.failures()) == ([failed], [])


def test_many_short_passes_are_waited_for_no_longer_than_a_long_one() -> None:
    steps: list[None] = []
    interludes = Interludes(lambda _: steps.append(None))
    interludes.begin(lambda _: None)
    began = time.perf_counter()
    while not steps:
        assert time.perf_counter() - began < 60
        with interludes.within(0.02, []):
            interludes.look()
    assert time.perf_counter() - began >= 0.02


def test_whether_they_happen_is_what_the_newest_pass_showed() -> None:
    interludes = Interludes(lambda _: None)
    interludes.begin(lambda _: None)
    assert not interludes.happen()
    with interludes.within(None, []):
        interludes.look()
    assert interludes.happen()
    with interludes.within(None, []):
        pass
    assert not interludes.happen()


def test_what_is_nobodys_failure_is_raised_when_the_pass_is_over() -> None:
    def decode(_: list[Output]) -> None:
        raise RuntimeError("a bug")

    interludes = Interludes(decode)
    interludes.begin(lambda _: None)
    with interludes.within(0.0, []):
        interludes.look()
        interludes.look()
    with pytest.raises(RuntimeError, match="a bug"):
        interludes.failures()
