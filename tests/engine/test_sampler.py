"""The sampler against the definitions of its parameters, on the host's arrays and the device's."""

from typing import Any

import mlx.core as mx
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.sampling import Sampling
from pippin.engine.arrays import Arrays
from pippin.engine.lane import Job, Lane
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.sampler import Sampler

V = 12
BOTH = pytest.mark.parametrize("arrays", [HostArrays(), DeviceArrays()], ids=["host", "device"])
PROBS = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.04, 0.03, 0.02, 0.006, 0.003, 0.001])


def lane(sampling: Sampling, *, generated: tuple[int, ...] = (), **fields: Any) -> Lane:
    job = Job(id=1, prompt=fields.pop("prompt", (0,)), max_tokens=100, sampling=sampling, **fields)
    return Lane(job, 0, generated=list(generated))


def draws(sampling: Sampling, arrays: Arrays, logits: Any = None, count: int = 400) -> set[int]:
    """The tokens that ``count`` seeds give."""
    lanes = [lane(with_seed(sampling, seed)) for seed in range(count)]
    row = np.log(PROBS) if logits is None else np.asarray(logits)
    rows = mx.array(np.tile(row, (count, 1)).astype(np.float32))
    return set(np.array(Sampler(lanes, V, arrays)(arrays.logits(rows))).tolist())


def with_seed(sampling: Sampling, seed: int) -> Sampling:
    return msgspec.structs.replace(sampling, seed=seed)


@BOTH
@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (Sampling(temperature=0), {0}),
        (Sampling(top_k=1), {0}),
        (Sampling(top_k=3), {0, 1, 2}),
        (Sampling(top_p=0.29), {0}),
        (Sampling(top_p=0.49), {0, 1}),
        (Sampling(top_p=0.64), {0, 1, 2}),
        (Sampling(min_p=0.6), {0, 1}),
        (Sampling(top_k=3, top_p=0.7), {0, 1}),
        (Sampling(logit_bias={5: 100.0}), {5}),
        (Sampling(temperature=0, logit_bias={0: -100.0}), {1}),
    ],
)
def test_only_what_a_parameter_allows(
    arrays: Arrays, sampling: Sampling, allowed: set[int]
) -> None:
    assert draws(sampling, arrays) == allowed


@BOTH
def test_frequencies_follow_the_temperature(arrays: Arrays) -> None:
    count = 6000
    for temperature in (0.5, 1.0, 2.0):
        lanes = [lane(Sampling(temperature=temperature, seed=seed)) for seed in range(count)]
        rows = mx.array(np.tile(np.log(PROBS), (count, 1)).astype(np.float32))
        tokens = np.array(Sampler(lanes, V, arrays)(arrays.logits(rows)))
        wanted = PROBS ** (1 / temperature)
        wanted /= wanted.sum()
        found = np.bincount(tokens, minlength=V) / count
        assert np.abs(found - wanted).max() < 6 * np.sqrt(0.25 / count)


@BOTH
def test_typical_keeps_what_is_near_the_entropy(arrays: Arrays) -> None:
    information = -np.log(PROBS)
    entropy = (PROBS * information).sum()
    order = np.argsort(np.abs(information - entropy), kind="stable")
    before = np.cumsum(PROBS[order]) - PROBS[order]
    allowed = set(order[before < 0.3].tolist())
    assert draws(Sampling(typical_p=0.3), arrays) == allowed


@BOTH
def test_repetition_penalty_looks_at_its_window_only(arrays: Arrays) -> None:
    def first(size: int) -> int:
        sampling = Sampling(temperature=0, repetition_penalty=2.0, repetition_context_size=size)
        logits = np.array([[10.0, 9.0, 8.0, 1, 1, 1, 1, 1, 1, 1, 1, 1]], dtype=np.float32)
        sampler = Sampler([lane(sampling, prompt=(0, 1, 5))], V, arrays)
        return int(np.array(sampler(arrays.logits(mx.array(logits))))[0])

    assert first(0) == 0
    assert first(1) == 0
    assert first(2) == 0
    assert first(3) == 2


@BOTH
def test_penalties_count_what_was_generated_while_sampling(arrays: Arrays) -> None:
    logits = np.zeros((1, V), dtype=np.float32)
    logits[0, :3] = [1.0, 0.9, 0.8]
    sampling = Sampling(temperature=0, frequency_penalty=0.15)
    sampler = Sampler([lane(sampling, generated=(0,))], V, arrays)
    tokens = [int(np.array(sampler(arrays.logits(mx.array(logits))))[0]) for _ in range(4)]
    assert tokens == [1, 0, 2, 1]


@BOTH
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_lane_chooses_the_same_alone_and_beside_any_others(arrays: Arrays, data: Any) -> None:
    sampling = st.builds(
        Sampling,
        temperature=st.sampled_from([0.0, 0.3, 1.0, 1.7]),
        top_k=st.sampled_from([0, 1, 4, 50]),
        top_p=st.sampled_from([0.1, 0.7, 0.99, 1.0]),
        min_p=st.sampled_from([0.0, 0.2, 1.0]),
        typical_p=st.sampled_from([0.4, 1.0]),
        seed=st.integers(-(2**63), 2**63 - 1),
        repetition_penalty=st.sampled_from([1.0, 1.3, 0.8]),
        repetition_context_size=st.integers(0, 8),
        frequency_penalty=st.sampled_from([0.0, 0.5, -1.0]),
        presence_penalty=st.sampled_from([0.0, 0.5]),
        logit_bias=st.dictionaries(st.integers(0, V - 1), st.floats(-9, 9, width=32), max_size=3),
    )
    params = data.draw(st.lists(sampling, min_size=1, max_size=6))
    tokens = st.lists(st.integers(0, V - 1), max_size=6).map(tuple)
    histories = [data.draw(tokens) for _ in params]
    lanes = [lane(p, generated=h) for p, h in zip(params, histories, strict=True)]
    seed = data.draw(st.integers(0, 2**32 - 1))
    logits = np.random.default_rng(seed).normal(0, 3, (3, len(lanes), V)).astype(np.float32)

    def choose(rows: list[int]) -> list[list[int]]:
        sampler = Sampler([lanes[row] for row in rows], V, arrays)
        return [np.array(sampler(arrays.logits(mx.array(step[rows])))).tolist() for step in logits]

    crowd = choose(list(range(len(lanes))))
    for row in range(len(lanes)):
        assert [[step[row]] for step in crowd] == choose([row])
