"""Whatever mlx-lm knows: right answers, or one clear word at load."""

import random
from itertools import pairwise
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.models.cache import make_prompt_cache

from pippin.core.sampling import Sampling
from pippin.engine.costs import LaneCost, lane_cost
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.probe import Sharing, probe
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.prompts import PromptMemory
from pippin.models.errors import CannotLoad
from tests.engine.driver import Transcript, run
from tests.engine.mock_model import MockModel, counting
from tests.engine.zoo import FURTHER, VOCAB, ZOO, build

ALONE = {"llama4", "deepseek_v41", "gemma2", "afm7"}
OWN_ARITHMETIC = {
    "afm7",
    "deepseek_v3",
    "deepseek_v32",
    "gemma2",
    "gpt_oss",
    "iquestloopcoder",
    "phi",
}
"""Models that do more with their keys than to hand them to mlx-lm's attention."""
NOTHING_PLAIN = {"mamba2", "recurrent_gemma", "deepseek_v41"}
LENGTHS = (1, 2, 17, 33, 70)


def wide(name: str) -> Any:
    """With heads that can be quantised."""
    changes = {"afm7": {"hidden_dim": 128}, "mamba2": {}}
    return build(name, **changes.get(name, {"head_dim": 32})) if name in ZOO else build(name)


class Bench:
    """A model, and engines around it as a worker makes them."""

    def __init__(self, model: Any, kv_bits: int | None = None) -> None:
        self.make = CacheMaker(model, kv_bits)
        self.sharing: Sharing = probe(model, self.make, VOCAB)
        self.cost: LaneCost = lane_cost(model, self.make)
        self._model, self._kv_bits = model, kv_bits

    def run(self, jobs: list[Job], budget: int, memory: PromptMemory | None = None) -> Transcript:
        engine = Engine(
            self._model,
            vocab_size=VOCAB,
            prefill_budget=budget,
            sharing=self.sharing,
            kv_bits=self._kv_bits,
            memory=memory if self.sharing.remembered else None,
            memory_bytes=1 << 30,
            lane_cost=self.cost,
        )
        transcript = run(engine, jobs)
        assert transcript.failed == []
        return transcript

    def check(self) -> None:
        """Alone, in pieces, in a crowd, and with what is remembered: the same tokens."""
        memory = PromptMemory(
            fingerprint=b"a model", needs_state=cannot_be_cut(self.make), ram_bytes=1 << 28
        )
        asked = jobs(memory)
        alone = {lane: t for job in asked for lane, t in self.run([job], 512).tokens.items()}
        for budget in (7, 48):
            assert self.run(asked, budget).tokens == alone
        assert self.run(asked, 512, memory).tokens == alone
        again = self.run(asked, 512, memory)
        assert again.tokens == alone
        assert any(begun.cached for begun in again.begun.values()) == self.sharing.remembered


def jobs(memory: PromptMemory) -> list[Job]:
    rng = random.Random(1)
    prompts = [tuple(rng.randrange(VOCAB) for _ in range(length)) for length in LENGTHS]
    return [
        Job(
            id=number,
            prompt=prompt,
            max_tokens=12,
            sampling=Sampling(temperature=0.0),
            text=memory.text("", prompt),
        )
        for number, prompt in enumerate(prompts)
    ]


@pytest.mark.parametrize("name", FURTHER)
def test_its_own_caches(name: str) -> None:
    bench = Bench(build(name))
    assert bench.sharing.decode == (name not in ALONE)
    bench.check()


@pytest.mark.parametrize("name", [*ZOO, *FURTHER])
def test_quantised_caches(name: str) -> None:
    model = wide(name)
    if name in OWN_ARITHMETIC | NOTHING_PLAIN:
        word = "cannot be quantised" if name in OWN_ARITHMETIC else "is of no use"
        with pytest.raises(CannotLoad, match=word) as caught:
            Bench(model, 8)
        assert "--kv-bits" in str(caught.value)
        return
    Bench(model, 8).check()
    Bench(model, 4).check()
    tokens = mx.array([[(7 * i) % VOCAB for i in range(20)]])
    plain = np.array(model(tokens, cache=make_prompt_cache(model)))
    found = np.array(model(tokens, cache=CacheMaker(model, 8)()))
    apart = np.abs(found - plain).max(axis=-1) / np.ptp(plain)
    assert 0 < np.median(apart) <= 0.05  # at single tokens an expert may give way to another


def test_heads_of_no_group() -> None:
    with pytest.raises(CannotLoad, match="multiple of 32; this model's are 8"):
        Bench(build("llama"), 8)


class BrokenCaches(MockModel):
    """A model whose cache is not what it takes."""

    def make_cache(self) -> list[Any]:
        return [object()]


def test_caches_that_the_model_itself_cannot_use() -> None:
    with pytest.raises(CannotLoad, match="fails with the caches that it makes for itself"):
        Bench(BrokenCaches(counting(VOCAB)))


def test_wrong_by_little_is_wrong() -> None:
    """The wider a random model, the less a wrong position changes of its answers."""
    assert not Bench(build("afm7", hidden_dim=256)).sharing.decode


CHUNKED = {**FURTHER["llama4"]["text_config"], "attention_chunk_size": 256}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("llama4", {"text_config": CHUNKED}),
        ("deepseek_v41", {}),
        ("gemma3n", {}),
        ("falcon_h1", {}),
    ],
)
@pytest.mark.parametrize("length", [3, 100, 700])
def test_a_lane_never_costs_more_than_predicted(
    name: str, changes: dict[str, Any], length: int
) -> None:
    model = build(name, **changes)
    layers = CacheMaker(model)()
    cuts = [*range(0, length - 2, 64), length - 2, length - 1, length]
    for low, high in pairwise(cuts):  # two single tokens last, so that windows have closed
        model(mx.array([[t % VOCAB for t in range(low, high)]]), cache=layers)
    held = sum(layer.nbytes for layer in layers)
    predicted = lane_cost(model, CacheMaker(model))(length)
    assert held <= predicted
    assert length < 700 or predicted <= 1.5 * held
