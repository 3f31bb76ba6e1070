"""What is copied out of a crowd's caches is its own: it keeps nothing of the crowd alive."""

import gc
from typing import Any, cast

import mlx.core as mx
import pytest
from mlx_lm.models.cache import CacheList, KVCache

from pippin.engine import leaves
from pippin.engine.rows import CacheMaker, CacheRows
from pippin.memory.planes import Snapshot
from tests.engine.zoo import build

ROWS, TOKENS = 4, 40
CASES = [
    ("llama", None),
    ("llama", 8),
    ("gemma3_text", None),
    ("mamba2", None),
    ("qwen3_next", None),
]


def snapshot_of_one(model: object, make: CacheMaker) -> Snapshot:
    rows = CacheRows.empty(make, [0] * ROWS)
    tokens = mx.arange(ROWS * TOKENS).reshape(ROWS, TOKENS) % 97
    mx.eval(model(tokens, cache=rows.layers), rows.arrays)  # type: ignore[operator]
    return rows.snapshot(1, 0, TOKENS)


@pytest.mark.parametrize(("name", "kv_bits"), CASES)
def test_a_snapshot_holds_no_more_memory_than_it_says(name: str, kv_bits: int | None) -> None:
    model = build(name, hidden_size=128, head_dim=32) if kv_bits else build(name)
    make = CacheMaker(model, kv_bits)
    snapshot_of_one(model, make)  # some models keep small constants of what they have seen
    gc.collect()
    mx.clear_cache()
    before = mx.get_active_memory()
    snapshot = snapshot_of_one(model, make)
    gc.collect()
    held = mx.get_active_memory() - before
    assert snapshot.nbytes <= held <= snapshot.nbytes + snapshot.rounding_bytes


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "mamba2"])
def test_a_snapshot_may_be_taken_piece_by_piece(name: str) -> None:
    make = CacheMaker(model := build(name))
    rows = CacheRows.empty(make)
    mx.eval(model(mx.arange(TOKENS)[None] % 97, cache=rows.layers), rows.arrays)
    pieces: list[None] = []
    whole, parts = (
        rows.snapshot(0, 3, TOKENS),
        rows.snapshot(0, 3, TOKENS, lambda: pieces.append(None)),
    )
    assert len(pieces) == len(whole.arrays) > 1
    for one, other in zip(whole.arrays, parts.arrays, strict=True):
        assert mx.array_equal(one, other)


def test_room_is_made_for_all_of_a_part_at_once_and_as_ever_afterwards() -> None:
    cache: Any = cast(Any, KVCache)()
    whole, token = (mx.zeros((1, 1, length, 8)) for length in (300, 1))
    with leaves.room_for([cast(Any, CacheList)(cache)], 5_000):
        cache.update_and_fetch(whole, whole)
    assert cache.keys.shape[2] == 5_120
    cache.offset = 5_120
    cache.update_and_fetch(token, token)
    assert cache.keys.shape[2] == 5_120 + 256
