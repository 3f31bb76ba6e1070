"""Caches in 8 and 4 bits: the same tokens as with such caches alone, and never those of others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from pippin.core.sampling import SamplingDefaults
from pippin.core.worker import WorkerOptions
from pippin.engine.lane import Job
from pippin.models.adapters import Adapters
from pippin.models.errors import CannotLoad
from pippin.models.load import LoadedModel
from pippin.worker.engine_maker import make_engine
from tests.engine import zoo
from tests.isolation.crowd import TOGETHER, Crowd, crowd, tight
from tests.isolation.server import PLENTY, House, Server
from tests.isolation.talk import TURN_END, family, job, words

SYSTEM = [*words(1, 150), TURN_END]
WIDE: dict[str, Any] = {"hidden_size": 128, "head_dim": 32}
IN_BITS: dict[str, tuple[int, dict[str, Any]]] = {
    "llama": (8, WIDE),
    "qwen3": (4, WIDE),
    "gemma3_text": (8, WIDE),
    "qwen3_next": (4, WIDE),
    "falcon_h1": (8, {"head_dim": 32}),
}
"""Of the zoo, those whose caches can be of fewer bits."""


@pytest.fixture(scope="module", params=IN_BITS)
def house(request: pytest.FixtureRequest, arrays: type) -> House:
    bits, changes = IN_BITS[request.param]
    return House(zoo.build(request.param, **changes), zoo.VOCAB, bits)


def one_after_another(server: Server, house: House, jobs: list[Job]) -> None:
    for each in jobs:
        assert server.ask(each) == house.alone(each)


def test_from_ram_and_from_disk(house: House, tmp_path: Path) -> None:
    jobs = family(10, SYSTEM)
    with house.serving(tmp_path) as server:
        one_after_another(server, house, jobs[:3])
        assert server.cached(jobs[2]) >= len(SYSTEM)
    with house.serving(tmp_path) as server:
        one_after_another(server, house, jobs[3:])
        assert server.cached(jobs[3]) >= len(SYSTEM)
        assert server.engine.figures.disk_hits


@pytest.mark.parametrize("is_tight", [False, True])
def test_a_crowd_that_gives_way(house: House, is_tight: bool) -> None:
    with house.serving(slots=5, **(tight(house) if is_tight else TOGETHER)) as server:
        all_of_it = Crowd(server, crowd())
        all_of_it.finish()
        assert server.said.tokens == house.alone(*crowd())
        assert {"paused, rows gone", "paused, rows kept"} & all_of_it.seen.keys()


@pytest.mark.parametrize("name", sorted(zoo.ZOO.keys() - IN_BITS))
def test_the_others_cannot_be_of_fewer_bits(name: str) -> None:
    with pytest.raises(CannotLoad):
        House(zoo.build(name), zoo.VOCAB, 8)


@pytest.fixture(scope="module")
def in_bits(arrays: type) -> dict[int, House]:
    """One model, its caches plain, in 4 and in 8 bits."""
    model = zoo.build("llama", **WIDE)
    return {bits: House(model, zoo.VOCAB, bits or None) for bits in (0, 4, 8)}


def test_caches_of_other_bits_are_never_used(in_bits: dict[int, House], tmp_path: Path) -> None:
    """In one folder, with the fingerprints that a worker gives them."""
    asked = job(0, [*SYSTEM, *words(2, 40)])
    for bits in (0, 4, 8, 0, 4, 8):
        house, seen_before = in_bits[bits], len(list(tmp_path.rglob("*.run"))) >= 3
        with worker_s(house, tmp_path) as server:
            assert server.ask(asked) == house.alone(asked)
            assert server.cached(asked) == (len(asked.prompt) - 1 if seen_before else 0)
    assert house.alone(asked) != in_bits[4].alone(asked), "or else nothing was shown"


@contextmanager
def worker_s(house: House, folder: Path) -> Iterator[Server]:
    """A server as the worker would make it."""
    options = WorkerOptions(
        cache_disk=PLENTY, cache_dir=str(folder), kv_bits=house.kv_bits or 0, memory=PLENTY
    )
    loaded = LoadedModel(
        model=house.model,
        tokenizer=cast(Any, None),
        chat_template=None,
        special_tokens={},
        architecture="llama",
        context_length=2048,
        vocab_size=house.vocab_size,
        eos=frozenset(),
        defaults=SamplingDefaults(),
        weights_bytes=1 << 20,
        digest="1234",
        dtype="float32",
        adapters=Adapters(),
    )
    engine, memory = make_engine(options, loaded, "a device", lambda: None)
    try:
        yield Server(engine, memory)
    finally:
        engine.close(flush_s=30.0)
