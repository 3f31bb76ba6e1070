"""The batch loop over the demo model: the same tokens alone, in a crowd, after pauses."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pippin.core.memory import MemoryFigures
from pippin.core.sampling import Sampling
from pippin.engine.lane import Job, Resumed
from pippin.llamacpp.engine import LlamaEngine
from pippin.llamacpp.load import LoadedGGUF
from pippin.llamacpp.native import Cache, DecodeFailed, Logits, Piece
from pippin.llamacpp.rows import Limits, Rows
from tests.engine.driver import Transcript

GREEDY = Sampling(temperature=0.0)
LANES = 8
QUESTIONS = [
    "What is the capital of France?",
    "Count from 1 to 30.",
    "Hello!",
    "What is 3 + 4?",
    "Name three colors.",
    "What is the capital of Japan?",
    "Say seven words.",
    "Tell me a story.",
]


class Bench:
    """An engine and its parts."""

    def __init__(self, loaded: LoadedGGUF, *, cells: int = 4096, **options: Any) -> None:
        self.loaded = loaded
        rows = LANES + options.pop("spare", 64)
        self.cache = Cache(loaded.weights, cells=cells, sequences=rows, batch=512, threads=1)
        limits = Limits(tokens=options.pop("remembered", 1024), sequences=16, least=8)
        self.rows = Rows(self.cache, fingerprint=b"demo", limits=limits, token_bytes=1)
        options = {"step_tokens": 64, "max_lanes": LANES} | options
        self.engine = LlamaEngine(self.cache, self.rows, vocab_size=1536, **options)

    def job(self, number: int, question: str, *, salt: str = "", **fields: Any) -> Job:
        text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        prompt = tuple(self.loaded.tokenizer.encode(f"{text}<think>\n\n</think>\n\n").ids)
        eos = self.loaded.eos
        asked: dict[str, Any] = {"max_tokens": 60, "sampling": GREEDY, "eos": eos} | fields
        known = self.rows.text(salt, prompt)
        return Job(id=number, prompt=prompt, turn_ends=eos, text=known, explain=True, **asked)

    def run(
        self, jobs: Iterable[Job] = (), before: Callable[[int], object] | None = None
    ) -> Transcript:
        """Until all have ended; then nothing may be left."""
        transcript = Transcript()
        for job in jobs:
            self.engine.submit(job)
        for step in range(10_000):
            if before:
                before(step)
            if self.engine.idle:
                break
            transcript.take(self.engine.step())
        assert self.engine.idle
        transcript.take(self.engine.step())
        self.engine.check_integrity()
        return transcript

    def said(self, transcript: Transcript, number: int, index: int = 0) -> str:
        return str(self.loaded.tokenizer.decode(transcript.tokens[number, index]))


@pytest.fixture
def bench(loaded: LoadedGGUF) -> Bench:
    return Bench(loaded)


def alone(loaded: LoadedGGUF, **fields: Any) -> list[list[int]]:
    one = Bench(loaded, remembered=0)
    return [one.run([one.job(1, each, **fields)]).tokens[1, 0] for each in QUESTIONS]


def test_an_answer(bench: Bench) -> None:
    transcript = bench.run([bench.job(1, QUESTIONS[0])])
    assert bench.said(transcript, 1) == "The capital of France is Paris."
    assert transcript.ends[1, 0] == "stop"
    assert transcript.begun[1].cached == 0


def test_a_crowd_says_what_each_says_alone(bench: Bench) -> None:
    expected = alone(bench.loaded)
    jobs = [bench.job(n, QUESTIONS[n % len(QUESTIONS)]) for n in range(24)]
    transcript = bench.run(jobs)
    assert [transcript.tokens[n, 0] for n in range(24)] == expected * 3
    assert not transcript.failed


def test_cancels_in_the_middle_disturb_nobody(bench: Bench) -> None:
    expected = alone(bench.loaded)

    def leave(step: int) -> None:
        if 3 <= step < 11:
            bench.engine.cancel(100 + step - 3)

    jobs = [bench.job(n, QUESTIONS[n]) for n in range(8)]
    leaving = [bench.job(100 + n, "Count from 1 to 200.", max_tokens=500) for n in range(8)]
    transcript = bench.run(
        [each for pair in zip(jobs, leaving, strict=True) for each in pair], leave
    )
    assert [transcript.tokens[n, 0] for n in range(8)] == expected
    assert all(len(transcript.tokens[100 + n, 0]) < 60 for n in range(8))


def test_lanes_pause_where_cells_are_short(loaded: LoadedGGUF) -> None:
    """Eight answers of 200 tokens in cells for two of them."""
    asked: dict[str, Any] = {"max_tokens": 200, "eos": frozenset()}
    expected = alone(loaded, **asked)
    bench = Bench(loaded, cells=512 + LANES, remembered=128)
    paused = []

    def look(_: int) -> None:
        paused.append(bench.engine.load[2])

    transcript = bench.run([bench.job(n, QUESTIONS[n], **asked) for n in range(8)], look)
    assert set(transcript.ends.values()) == {"length"}
    agreed = sum(transcript.tokens[n, 0] == expected[n] for n in range(8))
    assert agreed >= 6, "a pass of another size rounds otherwise, and rarely another token follows"
    assert max(paused[5:]) > 0


def test_choices_share_their_prompt(bench: Bench) -> None:
    sampling = Sampling(temperature=1.5, seed=7)
    transcript = bench.run([bench.job(1, QUESTIONS[4], sampling=sampling, choices=5)])
    assert len(transcript.ends) == 5
    assert len({tuple(tokens) for tokens in transcript.tokens.values()}) > 2


def test_one_choice_is_cancelled(bench: Bench) -> None:
    job = bench.job(1, "Count from 1 to 50.", choices=3, max_tokens=100)
    transcript = bench.run([job], lambda step: bench.engine.cancel(1, 1) if step == 12 else None)
    assert set(transcript.ends) == {(1, 0), (1, 2)}
    assert len(transcript.tokens[1, 1]) < len(transcript.tokens[1, 0])


def test_what_is_remembered_is_not_computed_again(bench: Bench) -> None:
    first = bench.run([bench.job(1, QUESTIONS[0])])
    again = bench.run([bench.job(2, QUESTIONS[0])])
    assert again.tokens[2, 0] == first.tokens[1, 0]
    prompt = len(bench.job(3, QUESTIONS[0]).prompt)
    assert again.begun[2].cached == prompt - 1
    other = bench.run([bench.job(4, QUESTIONS[5])])
    assert 8 <= other.begun[4].cached < prompt - 1
    why = other.begun[4].explanation
    assert why is not None
    assert (why.reason, why.tier, why.position) == ("differs", "ram", other.begun[4].cached)
    figures: MemoryFigures = bench.engine.figures
    assert (figures.prompts, figures.hits) == (3, 2)
    assert figures.ram_tokens > prompt


def test_salts_do_not_meet_and_what_is_forgotten_is_gone(bench: Bench) -> None:
    bench.run([bench.job(1, QUESTIONS[0])])
    assert bench.run([bench.job(2, QUESTIONS[0], salt="other")]).begun[2].cached == 0
    old = bench.job(3, QUESTIONS[0])
    bench.engine.forget_prompts().result()
    assert bench.engine.figures.ram_tokens == 0
    assert bench.run([old]).begun[3].cached == 0
    assert bench.run([bench.job(4, QUESTIONS[0])]).begun[4].cached == 0


def test_a_running_prompt_is_shared(bench: Bench) -> None:
    bench.engine.submit(bench.job(1, "Count from 1 to 50.", max_tokens=40))
    for _ in range(6):
        bench.engine.step()
    transcript = bench.run([bench.job(2, "Count from 1 to 50.", max_tokens=5)])
    assert transcript.begun[2].cached > 8


@pytest.mark.parametrize("told", [1, 9])
def test_a_choice_goes_on_where_it_was(bench: Bench, told: int) -> None:
    """Tokens that another engine had told do not come out again, those to be scored do."""
    whole = bench.run([bench.job(1, QUESTIONS[1])]).tokens[1, 0]
    kept, again = tuple(whole[:told]), tuple(whole[told : told + 3])
    known = bench.rows.text("other", bench.job(2, QUESTIONS[1]).prompt)
    job = bench.job(2, QUESTIONS[1], resumed=(Resumed(kept, again),), logprobs=0)
    transcript = bench.run([replace(job, text=known)])
    assert transcript.tokens[2, 0] == whole[told:]
    assert len(transcript.scores[2, 0]) == len(whole) - told
    assert 2 in transcript.begun


def test_each_choice_goes_on_where_it_was(bench: Bench) -> None:
    sampling = Sampling(temperature=1.2, seed=3)
    asked: dict[str, Any] = {"sampling": sampling, "choices": 4}
    whole = bench.run([bench.job(1, QUESTIONS[4], **asked)]).tokens
    resumed = (Resumed(tuple(whole[1, 0][:3])), None, Resumed(), Resumed(tuple(whole[1, 3][:1])))
    transcript = bench.run([bench.job(2, QUESTIONS[4], resumed=resumed, **asked)])
    assert set(transcript.ends) == {(2, 0), (2, 2), (2, 3)}
    assert transcript.tokens[2, 0] == whole[1, 0][3:]
    assert transcript.tokens[2, 3] == whole[1, 3][1:]


def test_scores(bench: Bench) -> None:
    job = bench.job(1, QUESTIONS[0], logprobs=3, score_prompt=True, max_tokens=4)
    transcript = bench.run([job])
    first, *others = transcript.prompt_scores[1]
    assert first is None
    assert len(others) == len(job.prompt) - 1
    assert all(each and each.logprob <= 0 and len(each.top) == 3 for each in others)
    assert len(transcript.scores[1, 0]) == 4
    assert all(each.logprob == each.top[0][1] for each in transcript.scores[1, 0])


def test_a_prompt_that_is_only_scored(bench: Bench) -> None:
    long = "word " * 400
    jobs = [bench.job(n, long, logprobs=0, score_prompt=True, max_tokens=0) for n in range(3)]
    transcript = bench.run(jobs)
    assert sorted(transcript.ended) == [0, 1, 2]
    assert len(transcript.prompt_scores[0]) == len(jobs[0].prompt)
    one, other = (transcript.prompt_scores[n][1:] for n in (0, 1))
    assert [each.logprob for each in one if each] == pytest.approx(
        [each.logprob for each in other if each], abs=0.1
    )


def test_a_crowd_that_is_only_scored_takes_no_rows_from_lanes(loaded: LoadedGGUF) -> None:
    """Whose turn it is changes from step to step, and so does who begins."""
    bench = Bench(loaded, cells=8192, spare=4, step_tokens=8)
    rng = random.Random(0)

    def asked() -> dict[str, Any]:
        return {"max_tokens": 0} if rng.random() < 0.8 else {"choices": rng.choice([1, 4, 8])}

    jobs = [
        bench.job(
            number,
            "word " * rng.randrange(1, 30),
            tenant=str(number),
            priority=rng.choice(["interactive", "batch", "agent"]),
            **asked(),
        )
        for number in range(100)
    ]
    waiting = list(jobs)

    def arrive(_: int) -> None:
        for _ in range(rng.choice([0, 0, 1, 3, 10])):
            if waiting:
                bench.engine.submit(waiting.pop())

    transcript = bench.run([waiting.pop()], arrive)
    assert not waiting
    assert not transcript.failed
    assert len(transcript.ended) == sum(not job.max_tokens for job in jobs)
    assert len(transcript.ends) == sum(job.choices for job in jobs if job.max_tokens)


def test_the_end_comes_not_before_it_may(bench: Bench) -> None:
    job = bench.job(1, "Hello!", min_tokens=40, max_tokens=50)
    assert len(bench.run([job]).tokens[1, 0]) >= 40


def test_mirostat_is_remembered_through_pauses_and_then_forgotten(loaded: LoadedGGUF) -> None:
    bench = Bench(loaded, cells=512 + LANES)
    sampling = Sampling(temperature=1.0, seed=1, mirostat_mode=2, mirostat_tau=2.0)
    asked: dict[str, Any] = {"sampling": sampling, "max_tokens": 150, "eos": frozenset()}
    transcript = bench.run([bench.job(n, QUESTIONS[n], **asked) for n in range(6)])
    assert len(transcript.ends) == 6  # and that nothing is left is what run() sees


def test_who_waits_too_long_is_turned_away(loaded: LoadedGGUF) -> None:
    now = [0.0]
    bench = Bench(loaded, max_jobs=1, queue_timeout_s=5.0, clock=lambda: now[0])

    def pass_time(step: int) -> None:
        now[0] += 1.0

    jobs = [bench.job(n, "Count from 1 to 50.", max_tokens=30) for n in range(3)]
    transcript = bench.run(jobs, pass_time)
    assert (sorted(transcript.late), len(transcript.ends)) == ([1, 2], 1)


def test_a_failed_pass_ends_its_jobs_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, failing = bench.cache.decode, [True]

    def sometimes(pieces: Sequence[Piece]) -> list[Logits]:
        if len(pieces) == 2 and failing.pop():
            raise DecodeFailed("planted")
        return decode(pieces)

    monkeypatch.setattr(bench.cache, "decode", sometimes)
    transcript = bench.run([bench.job(1, QUESTIONS[0]), bench.job(2, QUESTIONS[1])])
    assert sorted(transcript.failed) == [1, 2]
    after = bench.run([bench.job(3, QUESTIONS[0])])
    assert bench.said(after, 3) == "The capital of France is Paris."


def test_no_numbers_end_their_own_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = bench.cache.decode

    def spoilt(pieces: Sequence[Piece]) -> list[Logits]:
        found = decode(pieces)
        for piece, logits in zip(pieces, found, strict=True):
            if len(logits) and piece.tokens[0] == bench.job(1, "Hello!").prompt[-1]:
                logits[:] = np.nan
        return found

    jobs = [bench.job(1, QUESTIONS[1], max_tokens=20)]
    bench.engine.submit(jobs[0])
    for _ in range(8):
        bench.engine.step()
    monkeypatch.setattr(bench.cache, "decode", spoilt)
    transcript = bench.run([bench.job(2, "Hello!", eos=frozenset())])
    assert transcript.failed == [2]
    assert transcript.ends[1, 0] == "length"


def test_what_failed_is_not_remembered_of_anybody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells without numbers would fail whoever begins with them, again and again."""
    bench.run([bench.job(1, QUESTIONS[0])])
    decode = bench.cache.decode
    none = [np.full((1, 1536), np.nan, np.float32)]
    monkeypatch.setattr(bench.cache, "decode", lambda pieces: [*none * len(decode(pieces))])
    assert bench.run([bench.job(2, QUESTIONS[0])]).failed == [2]
    monkeypatch.setattr(bench.cache, "decode", decode)
    after = bench.run([bench.job(3, QUESTIONS[0])])
    assert after.begun[3].cached == 0
    assert bench.said(after, 3) == "The capital of France is Paris."


def test_a_long_prompt_beside_lanes(bench: Bench) -> None:
    expected = alone(bench.loaded)
    long = bench.job(99, "word " * 1500 + QUESTIONS[0], max_tokens=5)
    transcript = bench.run([*(bench.job(n, QUESTIONS[n]) for n in range(4)), long])
    assert [transcript.tokens[n, 0] for n in range(4)] == expected[:4]
    assert len(transcript.tokens[99, 0]) > 0
