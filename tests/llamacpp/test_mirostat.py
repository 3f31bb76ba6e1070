"""Mirostat keeps the surprise of a text near what was asked for."""

import numpy as np
import pytest

from pippin.core.sampling import Sampling
from pippin.engine.arrays import NumpyArrays
from pippin.engine.lane import Job, Lane
from pippin.engine.sampler import Sampler
from pippin.llamacpp.mirostat import LaneId, MirostatSampler

VOCAB = 2_000
ZIPF = -np.log(np.arange(1, VOCAB + 1, dtype=np.float32))
"""Logits of words as frequent as Zipf has it."""


def lane(number: int, **fields: object) -> Lane:
    sampling = Sampling(seed=number, **fields)  # type: ignore[arg-type]
    return Lane(Job(id=number, prompt=(1,), max_tokens=10_000, sampling=sampling), 0)


def surprise(mode: int, tau: float, steps: int = 600) -> float:
    """The mean, in bits of the untruncated distribution, after a start."""
    allowed: dict[LaneId, float] = {}
    asked = lane(1, mirostat_mode=mode, mirostat_tau=tau, mirostat_eta=0.1)
    sampler = MirostatSampler([asked], VOCAB, NumpyArrays(), allowed)
    tokens = [int(sampler(ZIPF[None])[0]) for _ in range(steps)]
    bits = -np.log2(np.exp(ZIPF) / np.exp(ZIPF).sum())
    assert set(allowed) == {asked.id}
    return float(bits[tokens[100:]].mean())


@pytest.mark.parametrize("mode", [1, 2])
def test_more_surprise_where_more_is_asked(mode: int) -> None:
    low, middle, high = (surprise(mode, tau) for tau in (1.5, 4.0, 7.0))
    assert low < middle < high


@pytest.mark.parametrize("mode", [1, 2])
def test_the_same_seed_says_the_same(mode: int) -> None:
    def said() -> list[int]:
        asked = lane(5, mirostat_mode=mode)
        sampler = MirostatSampler([asked], VOCAB, NumpyArrays(), {})
        return [int(sampler(ZIPF[None])[0]) for _ in range(50)]

    assert said() == said()
    assert len(set(said())) > 3


def test_the_level_goes_on_with_another_sampler() -> None:
    """As when the lanes of a pass change."""
    asked, allowed = lane(5, mirostat_mode=2), dict[LaneId, float]()
    once = MirostatSampler([asked], VOCAB, NumpyArrays(), {})
    expected = [int(once(ZIPF[None])[0]) for _ in range(40)]
    tokens: list[int] = []
    for _ in range(40):
        (token,) = MirostatSampler([asked], VOCAB, NumpyArrays(), allowed)(ZIPF[None])
        asked.generated.append(int(token))
        tokens.append(int(token))
    assert tokens == expected


def test_neighbours_are_sampled_as_ever() -> None:
    rng = np.random.default_rng(1)
    plain, greedy = lane(2, temperature=0.9, top_k=50), lane(3, temperature=0.0, mirostat_mode=2)
    alone = Sampler([plain], VOCAB, NumpyArrays())
    beside = MirostatSampler([lane(1, mirostat_mode=1), plain, greedy], VOCAB, NumpyArrays(), {})
    for _ in range(30):
        logits = rng.normal(size=VOCAB).astype(np.float32)
        _, mine, best = beside(np.tile(logits, (3, 1)))
        assert mine == alone(logits[None])[0]
        assert best == logits.argmax()


@pytest.mark.parametrize("mode", [1, 2])
def test_what_is_forbidden_is_never_said(mode: int) -> None:
    asked = lane(7, mirostat_mode=mode, mirostat_tau=9.0)
    sampler = MirostatSampler([asked], VOCAB, NumpyArrays(), {})
    limits = np.full((1, VOCAB), -np.inf, np.float32)
    limits[0, [3, 900, 1999]] = np.inf
    assert {int(sampler(ZIPF[None], limits)[0]) for _ in range(60)} <= {3, 900, 1999}
    limits[0, [3, 900]] = -np.inf
    assert int(sampler(ZIPF[None], limits)[0]) == 1999


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize(("tau", "eta"), [(100.0, 1.0), (1e-9, 1.0)])
def test_what_is_never_reached_is_aimed_at_for_as_long_as_one_likes(
    mode: int, tau: float, eta: float
) -> None:
    """The level grows with every token; what it is raised to would fail everybody's pass."""
    allowed: dict[LaneId, float] = {}
    asked = lane(9, mirostat_mode=mode, mirostat_tau=tau, mirostat_eta=eta)
    sampler = MirostatSampler([asked], VOCAB, NumpyArrays(), allowed)
    tokens = [int(sampler(ZIPF[None])[0]) for _ in range(60)]
    assert all(0 <= token < VOCAB for token in tokens)
    assert len(set(tokens)) > 20 if tau > 1 else len(set(tokens[10:])) == 1
