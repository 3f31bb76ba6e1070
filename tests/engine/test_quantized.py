"""Caches in 8 and 4 bits: a row holds and answers the same in any company."""

import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from unittest.mock import patch

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm.models.base import create_causal_mask, scaled_dot_product_attention
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, make_prompt_cache

from pippin.engine import codes
from pippin.engine.codes import STEP, group_size_for
from pippin.engine.quantized import BatchQuantizedCache, QuantizedCache, quantized
from pippin.models.errors import CannotLoad
from tests.engine.zoo import VOCAB, build

ROW_STABLE = sys.platform == "linux" and mx.default_device() == mx.Device(mx.cpu)
"""Where a product's row does not depend on the other rows, to the bit."""

Model = Callable[..., mx.array]
Layers = list[Any]


def noise(*shape: int, seed: int = 0, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed)).astype(dtype)


class Echo:
    """No model: its keys and values are its tokens and positions, exact on any machine."""

    layers = (None,)

    def __init__(self) -> None:
        self._keys, self._values = noise(2, VOCAB, 2, 64)

    def __call__(self, tokens: mx.array, cache: Layers) -> mx.array:
        rows, length = tokens.shape
        offset = mx.broadcast_to(mx.array(cache[0].offset), (rows,))
        positions = (offset[:, None] + mx.arange(length))[:, None, :, None]
        keys, values = (table[tokens].swapaxes(1, 2) for table in (self._keys, self._values))
        cache[0].update_and_fetch(keys + positions, values - positions)
        return mx.zeros((rows, length, VOCAB))


@cache
def model(name: str) -> Any:
    if name == "echo":
        return Echo()
    if name == "llama, heads of 64":
        return build("llama", head_dim=64)
    if name == "qwen3, heads of 32":
        return build("qwen3", head_dim=32)
    return build("llama", head_dim=64, num_key_value_heads=4)


def fresh(of: Any, bits: int) -> Layers:
    return quantized(make_prompt_cache(of), bits)


def merged(*rows: Layers) -> Layers:
    return [QuantizedCache.merge(same) for same in zip(*rows, strict=True)]


def contents(layers: Layers, row: int, length: int) -> list[np.ndarray[Any, Any]]:
    return [np.array(array) for layer in layers for array in layer.tokens(row, 0, length)]


class Crowd:
    """Rows that come, go, fork and step together; beside them, what each has taken in."""

    def __init__(self, of: Any, bits: int) -> None:
        self.model = of
        self.bits = bits
        self.histories: list[list[int]] = []
        self.layers: Layers = []
        self.random = random.Random(0)

    def do(self, name: str, number: int, lengths: Sequence[int]) -> None:
        if self.histories or name in ("join", "join_padded"):
            getattr(self, name)(number, lengths)

    def join(self, number: int, lengths: Sequence[int]) -> None:
        """A prompt that is prefilled alone, in pieces."""
        prompt, layers = self._prompt(lengths[0]), fresh(self.model, self.bits)
        for low in range(0, len(prompt), number + 1):
            self.model(mx.array([prompt[low : low + number + 1]]), cache=layers)
        self._append([prompt], merged(layers))

    def join_padded(self, number: int, lengths: Sequence[int]) -> None:
        """Prompts that are prefilled together."""
        prompts = [self._prompt(length) for length in lengths]
        longest = max(lengths)
        layers = merged(*[fresh(self.model, self.bits) for _ in prompts])
        for layer in layers:
            layer.prepare(left_padding=[longest - length for length in lengths])
        if longest:
            padded = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
            self.model(mx.array(padded), cache=layers)
        self._append(prompts, layers)

    def step(self, number: int, lengths: Sequence[int]) -> None:
        for _ in range(number % 5 + 1):
            tokens = [self.random.randrange(VOCAB) for _ in self.histories]
            self.model(mx.array(tokens)[:, None], cache=self.layers)
            for history, token in zip(self.histories, tokens, strict=True):
                history.append(token)

    def keep(self, number: int, lengths: Sequence[int]) -> None:
        """Any rows in any order; a row that is named twice forks."""
        rows = [length % len(self.histories) for length in lengths]
        for layer in self.layers:
            layer.filter(mx.array(rows))
        self.histories = [list(self.histories[row]) for row in rows]

    def leave(self, number: int, lengths: Sequence[int]) -> None:
        """One row goes on alone for a while, then it is joined by itself."""
        row = number % len(self.histories)
        self.layers = [layer.extract(row) for layer in self.layers]
        self.histories = [self.histories[row]]
        self.step(number, lengths)
        self.histories *= 2
        self.histories = [list(history) for history in self.histories]
        self.layers = merged(self.layers, self.layers)

    def remember(self, number: int, lengths: Sequence[int]) -> None:
        """A further row is made from two pieces of one that is here."""
        row = number % len(self.histories)
        history = self.histories[row]
        if not history:
            return
        cut = lengths[0] % (len(history) + 1)
        copies = []
        for layer in self.layers:
            pieces = (layer.tokens(row, 0, cut), layer.tokens(row, cut, len(history)))
            whole = [mx.concatenate(list(same), axis=-2) for same in zip(*pieces, strict=True)]
            copies.append(QuantizedCache.from_tokens(self.bits, whole, len(history)))
        self._append([list(history)], merged(copies))

    def trim(self, number: int, lengths: Sequence[int]) -> None:
        tokens = min(number, *map(len, self.histories), len(self.histories[0]))
        for layer in self.layers:
            assert layer.trim(tokens) == tokens
        for history in self.histories:
            del history[len(history) - tokens :]

    def check(self) -> None:
        """Each row holds, and then answers, what it does if it never met anybody."""
        rows = [contents(self.layers, row, len(h)) for row, h in enumerate(self.histories)]
        together = self.model(mx.array([[5]] * len(rows)), cache=self.layers)
        for history, held, logits in zip(self.histories, rows, together, strict=True):
            alone = fresh(self.model, self.bits)
            if history:
                self.model(mx.array([history]), cache=alone)
                for some, others in zip(held, contents(alone, 0, len(history)), strict=True):
                    self._same(some, others)
            expected = self.model(mx.array([[5]]), cache=alone)[0]
            self._same(np.array(logits), np.array(expected))

    def _same(self, some: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> None:
        if ROW_STABLE or isinstance(self.model, Echo):
            np.testing.assert_array_equal(some, others)
        elif some.dtype != np.uint32:  # a code may tip over; then its number says nothing
            np.testing.assert_allclose(some, others, atol=0.05 * float(np.ptp(others) or 1))

    def _prompt(self, length: int) -> list[int]:
        return [self.random.randrange(VOCAB) for _ in range(length)]

    def _append(self, histories: list[list[int]], layers: Layers) -> None:
        for mine, theirs in zip(self.layers, layers, strict=bool(self.layers)):
            mine.extend(theirs)
        self.layers = self.layers or layers
        self.histories += histories


OPERATIONS = ("join", "join_padded", "step", "keep", "leave", "remember", "trim")
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(OPERATIONS),
        st.integers(0, 12),
        st.lists(st.integers(0, 20), min_size=1, max_size=4),
    ),
    min_size=2,
    max_size=12,
)


def live(name: str, bits: int, happenings: Sequence[tuple[str, int, Sequence[int]]]) -> None:
    crowd = Crowd(model(name), bits)
    with patch.object(codes, "STEP", 8):  # growth, too, comes often
        crowd.do("join", 3, [9])
        for happening in happenings:
            crowd.do(*happening)
        crowd.check()


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
    mask = one.make_mask(length, return_array=True, window_size=window)
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
