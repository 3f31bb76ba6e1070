"""llama.cpp's own part: tokens in, logits out, and sequences that share cells."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pippin.llamacpp.load import LoadedGGUF
from pippin.llamacpp.native import Cache, CacheFull, DecodeFailed, Logits, Piece, Weights
from pippin.models.errors import CannotLoad

CELLS, BATCH = 512, 64
PROMPT = tuple(range(300, 340))
NEAR = 0.05
"""Logits that were computed in passes of other sizes differ by rounding."""


@pytest.fixture(params=[0, 8, 4])
def cache(request: pytest.FixtureRequest, loaded: LoadedGGUF) -> Cache:
    """Also with its numbers in fewer bits."""
    return Cache(
        loaded.weights, cells=CELLS, sequences=8, batch=BATCH, threads=1, bits=request.param
    )


def last(cache: Cache, sequence: int, tokens: Sequence[int], start: int = 0) -> Logits:
    (logits,) = cache.decode([Piece(sequence, start, tokens, 1)])
    assert logits.shape == (1, 1536)
    return logits


def test_a_sequence_in_pieces_is_the_sequence(cache: Cache) -> None:
    whole = last(cache, 0, PROMPT)
    last(cache, 1, PROMPT[:7])
    last(cache, 1, PROMPT[7:30], 7)
    assert np.allclose(last(cache, 1, PROMPT[30:], 30), whole, atol=1.0)
    assert cache.length(1) == len(PROMPT)


def test_sequences_do_not_see_one_another(cache: Cache) -> None:
    alone = last(cache, 0, PROMPT[:20])
    cache.forget(0)
    pieces = [Piece(number, 0, PROMPT[number : number + 20], 1) for number in range(3)]
    first, second, _ = cache.decode(pieces)
    assert np.allclose(first, alone, atol=NEAR)
    assert not np.allclose(second, alone, atol=NEAR)


def test_a_fork_goes_on_by_itself(cache: Cache) -> None:
    last(cache, 0, PROMPT)
    cache.fork(0, 1)
    assert np.allclose(last(cache, 0, [7], 40), last(cache, 1, [7], 40), atol=NEAR)
    assert not np.allclose(last(cache, 0, [8], 41), last(cache, 1, [9], 41), atol=NEAR)


def test_what_is_shared_outlives_its_source(cache: Cache) -> None:
    expected = last(cache, 0, PROMPT)
    assert cache.share(0, 1, 30)
    assert cache.length(1) == 30
    cache.forget(0)
    last(cache, 2, PROMPT[::-1])  # in the cells that are free now
    assert np.allclose(last(cache, 1, PROMPT[30:], 30), expected, atol=1.0)


def test_logits_of_several_places(cache: Cache) -> None:
    long = PROMPT * 3
    assert len(long) > BATCH
    (scored,) = cache.decode([Piece(0, 0, long, 70)])
    assert scored.shape == (70, 1536)
    assert np.isfinite(scored).all()
    (one,) = cache.decode([Piece(1, 0, long, 1)])
    assert np.allclose(one, scored[-1:], atol=NEAR)
    nothing, some = cache.decode([Piece(2, 0, (), 0), Piece(3, 0, (5,), 1)])
    assert (len(nothing), len(some)) == (0, 1)


def test_a_full_cache_says_so_and_goes_on(cache: Cache) -> None:
    for number in range(cache.cells // BATCH):
        cache.decode([Piece(0, number * BATCH, [5] * BATCH)])
    with pytest.raises(CacheFull):
        cache.decode([Piece(1, 0, [5])])
    cache.forget(0)
    assert last(cache, 1, PROMPT).shape == (1, 1536)
    cache.clear()
    assert cache.length(1) == 0


def test_what_is_taken_in_by_half_is_not_to_be_tried_again(cache: Cache) -> None:
    for number in range(cache.cells // BATCH - 1):
        cache.decode([Piece(0, number * BATCH, [5] * BATCH)])
    with pytest.raises(DecodeFailed) as caught:
        cache.decode([Piece(1, 0, [5] * (BATCH + 1))])
    assert not isinstance(caught.value, CacheFull)
    assert cache.length(1) == BATCH
    cache.forget(1)
    assert last(cache, 1, PROMPT).shape == (1, 1536)
    cache.clear()


def test_weights_know_the_end_of_a_text(loaded: LoadedGGUF) -> None:
    weights = loaded.weights
    assert weights.generates
    assert [token for token in range(1536) if weights.ends_a_text(token)] == sorted(loaded.eos)
    assert weights.tokens_of("<|im_end|>") == [1527]


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"llama\.cpp cannot load"):
        Weights([tmp_path / "none.gguf"], lambda *_: None)
