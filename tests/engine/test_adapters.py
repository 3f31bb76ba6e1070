"""Lanes with different adapters, and with none, in one engine: each gets what it gets alone."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pippin import demo
from pippin.core.request import Priority
from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.forward import Forward
from pippin.engine.lane import Job, Output
from pippin.engine.probe import probe, probe_adapters
from pippin.engine.rows import CacheMaker
from pippin.memory.prompts import PromptMemory
from pippin.models.adapters import RowAdapters
from pippin.models.errors import CannotLoad
from pippin.models.load import LoadedModel, load
from tests.engine.driver import LaneId, SetPace, Transcript, run
from tests.random_adapter import make_adapter

ADAPTERS = 4
"""None among them."""
TOKENS = 12


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """The demo with three adapters of unlike ranks and layers."""
    folder = tmp_path_factory.mktemp("adapters")
    folders = {
        "demo-adapter": demo.ADAPTER,
        "small": make_adapter(folder / "small", 1, rank=2, layers=[5]),
        "large": make_adapter(folder / "large", 2, rank=16),
    }
    named = {name: str(path) for name, path in folders.items()}
    return load(demo.MODELS["demo"], keep_dtype=False, progress=lambda *_: None, adapters=named)


@pytest.fixture(scope="module")
def alone(loaded: LoadedModel) -> dict[LaneId, object]:
    """Tokens and scores of every lane, each job in an engine of its own."""
    said: dict[LaneId, object] = {}
    for job in jobs(loaded, None):
        said |= told(run(engine_of(loaded), [job]))
    return said


def told(transcript: Transcript) -> dict[LaneId, object]:
    return {lane: (tokens, transcript.scores[lane]) for lane, tokens in transcript.tokens.items()}


@pytest.fixture(params=["no memory", "memory"])
def remembers(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "memory")


def engine_of(loaded: LoadedModel, memory: PromptMemory | None = None, **options: Any) -> Engine:
    return Engine(
        loaded.model,
        vocab_size=loaded.vocab_size,
        adapters=loaded.adapters.rows,
        memory=memory,
        **options,
    )


def memory_of(loaded: LoadedModel) -> PromptMemory:
    return PromptMemory(fingerprint=b"f" * 32, needs_state=False, ram_bytes=1 << 28)


def jobs(loaded: LoadedModel, memory: PromptMemory | None, count: int = 16) -> Iterator[Job]:
    """All adapters in turn; four of each prompt, each under another adapter."""
    for number in range(count):
        rng = random.Random(number // ADAPTERS)
        prompt = tuple(rng.randrange(1500) for _ in range(40 + 30 * (number // ADAPTERS)))
        adapter = number % ADAPTERS
        digest = loaded.adapters.digests[adapter]
        yield Job(
            id=number,
            prompt=prompt,
            max_tokens=TOKENS,
            adapter=adapter,
            choices=1 + (number % 5 == 4),
            sampling=Sampling(temperature=0.7 * (number % 2), seed=number),
            logprobs=2,
            text=memory.text("", prompt, digest) if memory else None,
        )


def test_a_batch_of_16_is_what_each_is_alone(
    loaded: LoadedModel, alone: dict[LaneId, object], remembers: bool
) -> None:
    """Bit for bit: the log-probabilities, too."""
    memory = memory_of(loaded) if remembers else None
    engine = engine_of(loaded, memory)
    for _ in range(2):
        together = run(engine, jobs(loaded, memory))
        assert told(together) == alone
    assert any(together.begun[number].cached for number in range(16)) == remembers
    assert len({str(alone[number, 0]) for number in range(16)}) == 16, "each says something else"


def test_without_an_adapter_it_is_the_base(loaded: LoadedModel) -> None:
    bare = load(demo.MODELS["demo"], keep_dtype=False, progress=lambda *_: None)
    base = run(engine_of(bare), [job for job in jobs(loaded, None) if not job.adapter])
    mixed = run(engine_of(loaded), jobs(loaded, None))
    for lane, tokens in base.tokens.items():
        assert (mixed.tokens[lane], mixed.scores[lane]) == (tokens, base.scores[lane])


def test_prompts_are_remembered_by_adapter(loaded: LoadedModel) -> None:
    memory = memory_of(loaded)
    engine = engine_of(loaded, memory)
    prompt = tuple(range(100, 300))

    def cached(number: int, adapter: int, digest: bytes) -> int:
        text = memory.text("", prompt, digest)
        job = Job(id=number, prompt=prompt, max_tokens=4, adapter=adapter, text=text)
        return run(engine, [job]).begun[number].cached

    for adapter, digest in enumerate(loaded.adapters.digests):
        assert cached(adapter, adapter, digest) == 0
    for adapter, digest in enumerate(loaded.adapters.digests):
        assert cached(10 + adapter, adapter, digest) == len(prompt) - 1


def test_lanes_that_were_paused_keep_their_adapter(
    loaded: LoadedModel, alone: dict[LaneId, object]
) -> None:
    """Room for few lanes, and jobs that are more urgent come later."""
    engine = engine_of(loaded, max_lanes=3, prefill_budget=16)
    coming = list(jobs(loaded, None))

    def more(step: int, engine: Engine) -> bool:
        if coming and step % 3 == 0:
            job = coming.pop(0)
            levels: tuple[Priority, ...] = ("batch", "agent", "interactive")
            engine.submit(replace(job, priority=levels[job.id % 3]))
        return bool(coming)

    assert told(run(engine, before_step=more)) == alone


def test_prompts_are_scored_with_their_adapter(loaded: LoadedModel) -> None:
    prompt = tuple(range(20, 60))
    scored = [
        Job(
            id=adapter,
            prompt=prompt,
            max_tokens=0,
            adapter=adapter,
            logprobs=0,
            score_prompt=True,
        )
        for adapter in range(ADAPTERS)
    ]
    together = run(engine_of(loaded), scored)
    for job in scored:
        assert run(engine_of(loaded), [job]).prompt_scores[job.id] == together.prompt_scores[job.id]
    assert len({str(scores) for scores in together.prompt_scores.values()}) == ADAPTERS


# -- the probe -------------------------------------------------------------------------------------


def test_the_probe_finds_that_adapters_work(loaded: LoadedModel) -> None:
    forward = Forward(loaded.model, loaded.adapters.rows)
    probe_adapters(forward, loaded.adapters.names, loaded.vocab_size)
    assert probe(loaded.model, CacheMaker(loaded.model), loaded.vocab_size).decode


def test_the_probe_finds_rows_that_mix(loaded: LoadedModel) -> None:
    class First(RowAdapters):
        """Gives every row the first one's adapter."""

        def worn(self, adapters: Any) -> Any:
            return super().worn([adapters[0]] * len(adapters))

    first = First()
    forward = Forward(_Through(loaded, first), first)
    with pytest.raises(CannotLoad, match="'demo-adapter' this model gives other results"):
        probe_adapters(forward, ["demo-adapter"], loaded.vocab_size)


class _Through:
    """The model, whose layers look at another object for their adapters."""

    def __init__(self, loaded: LoadedModel, rows: RowAdapters) -> None:
        self._loaded = loaded
        self._rows = rows

    def __call__(self, tokens: Any, *, cache: Any) -> Any:
        indices = self._rows.indices
        worn: Any = [] if indices is None else indices.tolist()
        with self._loaded.adapters.rows.worn(worn):
            return self._loaded.model(tokens, cache=cache)


def test_a_pass_in_the_midst_of_another_has_its_own_adapters(loaded: LoadedModel) -> None:
    """A lane with one decodes while a prompt with another, or none, is read."""
    lane = Job(id=1, prompt=(5, 6, 7), max_tokens=40, adapter=1)
    for adapter in (0, 2):
        prompt = tuple(number % 1500 for number in range(600))
        newcomer = Job(id=2, prompt=prompt, max_tokens=8, adapter=adapter)
        engine, said, early = engine_of(loaded), Transcript(), Transcript()
        engine._pace = SetPace(128, patience=0.0)  # type: ignore[assignment]
        engine.submit(lane)
        while not said.tokens[lane.id, 0]:
            said.take(engine.step())
        engine.submit(newcomer)

        def deliver(outputs: Sequence[Output], said: Any = said, early: Any = early) -> None:
            said.take(outputs)
            early.take(outputs)

        while not engine.idle:
            said.take(engine.step(deliver))
        assert len(early.tokens[lane.id, 0]) > 5
        for job in (lane, newcomer):
            apart = run(engine_of(loaded), [job])
            assert said.tokens[job.id, 0] == apart.tokens[job.id, 0]
