import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin.memory.blocks import BLOCK, chain, root_key

TOKENS = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3 * BLOCK)
NAMES = st.tuples(st.binary(max_size=3), st.text(alphabet="\0ab", max_size=3))


@given(TOKENS)
def test_a_key_is_the_hash_of_the_one_before_and_of_its_block(tokens: list[int]) -> None:
    expected = [b"root"]
    for low in range(0, len(tokens) - BLOCK + 1, BLOCK):
        block = struct.pack(f"<{BLOCK}i", *tokens[low : low + BLOCK])
        expected.append(hashlib.sha256(expected[-1] + block).digest())
    assert chain(b"root", tokens) == tuple(expected)
    assert chain(b"root", np.array(tokens, dtype=np.int32)) == tuple(expected)


@given(TOKENS, st.integers(0, 2), TOKENS)
def test_a_chain_goes_on_from_any_of_its_keys(
    tokens: list[int], blocks: int, more: list[int]
) -> None:
    whole = [*tokens, *more]
    keys = chain(b"root", whole)
    blocks = min(blocks, len(keys) - 1)
    assert keys[:blocks] + chain(keys[blocks], whole[blocks * BLOCK :]) == keys


@given(st.lists(st.integers(0, 9), min_size=2 * BLOCK, max_size=4 * BLOCK), st.data())
def test_a_token_changes_the_keys_of_all_that_follows_it(
    tokens: list[int], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(tokens) - 1))
    other = [*tokens[:place], tokens[place] + 1, *tokens[place + 1 :]]
    for i, (one, two) in enumerate(zip(chain(b"", tokens), chain(b"", other), strict=True)):
        assert (one == two) == (i * BLOCK <= place)


@given(NAMES, NAMES)
def test_two_models_or_tenants_have_two_roots(
    one: tuple[bytes, str], two: tuple[bytes, str]
) -> None:
    assert (root_key(*one) == root_key(*two)) == (one == two)


def test_no_byte_passes_from_the_fingerprint_to_the_salt() -> None:
    assert root_key(b"a", "\0b") != root_key(b"a\0", "b")
    assert root_key(b"a", "b") != root_key(b"ab", "")


@pytest.mark.parametrize("token", [2**31, -(2**31) - 1])
def test_a_token_of_more_than_32_bits_is_no_token(token: int) -> None:
    with pytest.raises(OverflowError):
        chain(b"", [token] * BLOCK)
