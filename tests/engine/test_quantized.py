"""Caches in 8 and 4 bits: a row holds and answers the same in any company."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm.models.base import create_causal_mask, scaled_dot_product_attention
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, make_prompt_cache

from pippin.engine.codes import STEP, group_size_for
from pippin.engine.quantized import BatchQuantizedCache, QuantizedCache, quantized
from pippin.models.errors import CannotLoad
from tests.engine.quantized_crowd import HAPPENINGS, fresh, live, merged, model, noise
from tests.engine.zoo import VOCAB, build


@given(bits=st.sampled_from([8, 4]), happenings=HAPPENINGS)
@settings(max_examples=100, deadline=None)
def test_what_a_row_holds_in_any_company(
    bits: int, happenings: list[tuple[str, int, list[int]]]
) -> None:
    live("echo", bits, happenings)


@pytest.mark.parametrize(
    "name", ["llama, heads of 64", "qwen3, heads of 32", "llama, no head shared"]
)
@given(bits=st.sampled_from([8, 4]), happenings=HAPPENINGS)
@settings(max_examples=10, deadline=None)
def test_what_a_row_answers_in_any_company(
    name: str, bits: int, happenings: list[tuple[str, int, list[int]]]
) -> None:
    live(name, bits, happenings)


@pytest.mark.parametrize(("bits", "low", "high"), [(8, 0.0, 0.02), (4, 0.001, 0.35)])
def test_the_model_s_answer_hardly_changes(bits: int, low: float, high: float) -> None:
    of = model("llama, heads of 64")
    tokens = mx.array([[(7 * i) % VOCAB for i in range(50)]])
    plain = np.array(of(tokens, cache=make_prompt_cache(of)))
    found = np.array(of(tokens, cache=fresh(of, bits)))
    assert low < np.abs(found - plain).max() / np.ptp(plain) <= high


def dequantized(packed: mx.array, scales: mx.array, biases: mx.array) -> mx.array:
    return mx.dequantize(packed, scales, biases, group_size=64, bits=8).astype(mx.float32)


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
@pytest.mark.parametrize("query_heads", [2, 4, 8])
@pytest.mark.parametrize("length", [1, 3])
def test_padding_is_not_seen(query_heads: int, length: int, dtype: mx.Dtype) -> None:
    """Rows of 10, 4 and 0 tokens take in more of them together: attention against its
    definition, over what each row alone holds."""
    scale, lengths = 0.3, (10, 4, 0)
    batch = BatchQuantizedCache(8, 3)
    batch.prepare(left_padding=[10 - each for each in lengths])
    batch.update_and_fetch(noise(3, 2, 10, 64, dtype=dtype), noise(3, 2, 10, 64, dtype=dtype))
    mask = batch.make_mask(length)
    keys, values = batch.update_and_fetch(
        noise(3, 2, length, 64, seed=1, dtype=dtype), noise(3, 2, length, 64, seed=2, dtype=dtype)
    )
    queries = noise(3, query_heads, length, 64, seed=3, dtype=dtype)
    found = scaled_dot_product_attention(
        mx.array(queries), keys, values, cache=batch, scale=scale, mask=mask
    )
    assert mx.isfinite(found).all().item()
    for row, own in enumerate(lengths):
        held = batch.tokens(row, 0, own + length)
        expected = mx.fast.scaled_dot_product_attention(
            queries[row : row + 1].astype(mx.float32),
            dequantized(*held[:3]),
            dequantized(*held[3:]),
            scale=scale,
            mask="causal",
        )
        rounding = {mx.float32: 1e-5, mx.float16: 0.02, mx.bfloat16: 0.15}[dtype]
        np.testing.assert_allclose(
            np.array(found[row].astype(mx.float32)), np.array(expected[0]), atol=rounding
        )


def test_a_row_that_is_all_padding_gives_no_nan() -> None:
    of = model("llama, heads of 64")
    layers = merged(fresh(of, 4), fresh(of, 4))
    for layer in layers:
        layer.prepare(left_padding=[0, 3])
    logits = of(mx.array([[1, 2, 3], [0, 0, 0]]), cache=layers)
    assert mx.isfinite(logits).all().item()


@pytest.mark.parametrize("window", [None, 2, 100])
@pytest.mark.parametrize("length", [1, 4])
def test_masks(window: int | None, length: int) -> None:
    one = QuantizedCache(8)
    one.update_and_fetch(noise(1, 2, 5, 64), noise(1, 2, 5, 64))
    expected = np.array(create_causal_mask(length, 5, window))
    mask = one.make_mask(length, return_array=window is None, window_size=window)
    if mask is None:  # one token, which may see everything
        assert length == 1
        assert expected.all()
    else:
        np.testing.assert_array_equal(np.array(mask), expected)
    padded = BatchQuantizedCache.joined([one, QuantizedCache(8)])
    masks = np.array(padded.make_mask(length, window_size=window))
    np.testing.assert_array_equal(masks[0, 0], expected)
    np.testing.assert_array_equal(masks[1, 0, :, :5], np.zeros((length, 5), bool))
    assert masks[1, 0, 0, 5]


def test_a_mask_is_left_out_where_attention_knows_it() -> None:
    assert QuantizedCache(8).make_mask(3) == "causal"
    assert QuantizedCache(8).make_mask(1) is None


@pytest.mark.parametrize(("heads", "size"), [((64,), 64), ((128, 192), 64), ((96,), 32)])
def test_the_largest_group_that_divides(heads: tuple[int, ...], size: int) -> None:
    assert group_size_for(*heads) == size


def test_heads_that_no_group_divides() -> None:
    found = QuantizedCache(8)
    with pytest.raises(CannotLoad, match="multiple of 32; this model's are 64 and 80"):
        found.update_and_fetch(noise(1, 2, 3, 80), noise(1, 2, 3, 64))
    assert found.empty()
    assert found.size() == 0


def test_only_plain_caches_are_replaced() -> None:
    hybrid = make_prompt_cache(build("qwen3_next"))
    found = quantized(hybrid, 8)
    assert {type(layer) for layer in found} == {ArraysCache, QuantizedCache}
    for new, old in zip(found, hybrid, strict=True):
        assert isinstance(new, QuantizedCache) == (type(old) is KVCache)
    for pair in quantized(make_prompt_cache(build("falcon_h1")), 8):
        assert isinstance(pair, CacheList)
        assert [type(each) for each in pair.caches] == [ArraysCache, QuantizedCache]


def test_a_model_without_plain_caches_is_told() -> None:
    with pytest.raises(CannotLoad, match="--kv-bits is of no use"):
        quantized(make_prompt_cache(build("mamba2")), 8)


def test_remembered_arrays_are_never_written() -> None:
    first = QuantizedCache(8)
    first.update_and_fetch(noise(1, 2, 40, 64), noise(1, 2, 40, 64))
    kept = first.tokens(0, 0, 40)
    before = [np.array(array) for array in kept]
    again = QuantizedCache.from_tokens(8, kept, 40)
    again.trim(30)
    again.update_and_fetch(noise(1, 2, 20, 64, seed=1), noise(1, 2, 20, 64, seed=1))
    mx.eval(again.state)
    assert not np.array_equal(np.array(again.tokens(0, 0, 30)[0]), before[0][..., :30, :])
    for array, same in zip(kept, before, strict=True):
        np.testing.assert_array_equal(np.array(array), same)


def test_a_state_is_put_back_with_its_room() -> None:
    first = QuantizedCache(4)
    first.update_and_fetch(noise(1, 2, 40, 96), noise(1, 2, 40, 96))
    second = QuantizedCache(8)
    second.state = first.state
    assert (second.bits, second.group_size, second.size()) == (4, 32, 40)
    assert second.capacity == STEP


@pytest.mark.parametrize(("row", "low", "high"), [(1, 0, 1), (-1, 0, 1), (0, 3, 2), (0, 0, 6)])
def test_tokens_that_are_not_there(row: int, low: int, high: int) -> None:
    one = QuantizedCache(8)
    one.update_and_fetch(noise(1, 2, 5, 64), noise(1, 2, 5, 64))
    with pytest.raises(ValueError, match=r"no row|holds 5 tokens"):
        one.tokens(row, low, high)


def test_arrays_that_hold_too_little() -> None:
    one = QuantizedCache(8)
    one.update_and_fetch(noise(1, 2, 5, 64), noise(1, 2, 5, 64))
    held = one.tokens(0, 0, 5)
    for arrays, length in ((held, 6), (held[:5], 5)):
        with pytest.raises(ValueError, match="six arrays"):
            QuantizedCache.from_tokens(8, arrays, length)


def test_padding_is_said_first() -> None:
    batch = BatchQuantizedCache(8, 1)
    batch.update_and_fetch(noise(1, 2, 5, 64), noise(1, 2, 5, 64))
    with pytest.raises(ValueError, match="empty"):
        batch.prepare(left_padding=[1])


def test_bytes() -> None:
    """A code per number, and a scale and a bias of 4 bytes each per group; in steps of 256."""
    one = QuantizedCache(8)
    assert one.nbytes == 0
    for tokens, steps in ((1, 1), (255, 1), (1, 2)):
        one.update_and_fetch(noise(1, 2, tokens, 64), noise(1, 2, tokens, 64))
        assert one.nbytes == steps * STEP * 2 * 2 * (64 + 8)
    long, short = one, QuantizedCache(8)
    short.update_and_fetch(noise(1, 2, 3, 64), noise(1, 2, 3, 64))
    batch = QuantizedCache.merge([long, short])
    assert batch.nbytes == 2 * one.nbytes
    batch.filter(mx.array([1]))  # what the long row needed goes with it
    assert batch.size() == 3
    assert batch.nbytes <= one.nbytes


def test_copies_do_not_hold_on_to_what_they_were_cut_from() -> None:
    one = QuantizedCache(8)
    one.update_and_fetch(noise(1, 1, 16384, 64), noise(1, 1, 16384, 64))
    kept = one.tokens(0, 64, 8000), one.tokens(0, 0, 32)
    mx.eval(one.state, kept)
    before = mx.get_active_memory()
    whole = one.nbytes
    del one
    assert before - mx.get_active_memory() >= whole
