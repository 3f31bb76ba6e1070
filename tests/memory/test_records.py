"""Records: what comes back is what was written, or nothing."""

import hashlib
import io
import random
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.memory.blocks import BLOCK, chain
from pippin.memory.records import (
    MAGIC,
    MAX_HEADER_BYTES,
    PREFIX,
    BadRecord,
    StoredRun,
    decode,
    read_head,
    record_name,
)
from pippin.memory.tensors import ITEM_BYTES, LENGTH, Plane, checksum, pack
from tests.memory.stored import FINGERPRINT, OTHER_FINGERPRINT, ROOT, record, same, stored, text


def read_back(data: bytes, fingerprint: bytes = FINGERPRINT) -> StoredRun:
    return decode(io.BytesIO(data), len(data), fingerprint)


@st.composite
def planes(draw: st.DrawFn) -> tuple[Plane, ...]:
    names = draw(st.lists(st.text(max_size=8), unique=True, max_size=4))
    made = []
    for name in names:
        dtype = draw(st.sampled_from(sorted(ITEM_BYTES)))
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
        size = ITEM_BYTES[dtype] * int(np.prod(shape, dtype=int))
        made.append(Plane(name, dtype, shape, draw(st.binary(min_size=size, max_size=size))))
    return tuple(made)


@st.composite
def runs(draw: st.DrawFn) -> StoredRun:
    start = draw(st.integers(0, 1000)) * BLOCK
    values = draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=100))
    tokens = np.array(values, dtype=np.int32)
    parent = draw(st.binary(min_size=32, max_size=32))
    return StoredRun(start, tokens, chain(parent, tokens), draw(planes()), draw(st.booleans()))


@given(run=runs(), fingerprint=st.binary(max_size=40))
def test_a_record_gives_back_its_run(run: StoredRun, fingerprint: bytes) -> None:
    assert same(read_back(record(run, fingerprint), fingerprint), run)


@given(run=runs())
def test_a_head_is_read_without_the_planes(run: StoredRun) -> None:
    data = record(run)
    head_bytes = len(data) - sum(map(len, pack(run.planes)))
    head = read_head(io.BytesIO(data[:head_bytes]), len(data), FINGERPRINT)
    assert (head.start, head.keys, head.has_state) == (run.start, run.keys, run.has_state)
    assert np.array_equal(head.tokens, run.tokens)
    assert record_name(head) == record_name(run)


@given(planes())
def test_the_planes_are_in_the_layout_of_safetensors(made: tuple[Plane, ...]) -> None:
    found = dict(safetensors.deserialize(b"".join(pack(made))))  # type: ignore[no-untyped-call]
    assert found == {
        plane.name: {"dtype": plane.dtype, "shape": list(plane.shape), "data": plane.data}
        for plane in made
    }


SMALL = stored(text((1, BLOCK + 3)), state=True)


def test_every_flipped_bit_of_a_small_record_is_noticed() -> None:
    data = bytearray(record(SMALL))
    for position in range(len(data)):
        for bit in range(8):
            data[position] ^= 1 << bit
            with pytest.raises(BadRecord):
                read_back(bytes(data))
            data[position] ^= 1 << bit
    assert same(read_back(bytes(data)), SMALL)


def test_every_truncation_and_every_longer_file_is_noticed() -> None:
    data = record(SMALL)
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            read_back(data[:length])
        with pytest.raises(BadRecord):  # the file system says one size, and gives less
            decode(io.BytesIO(data[:length]), len(data), FINGERPRINT)
    for more in (b"\0", data, data[-8:]):
        with pytest.raises(BadRecord):
            read_back(data + more)


def test_sampled_damage_of_a_large_record_is_noticed() -> None:
    data = record(stored(text((2, 5000)), extra_bytes=300_000))
    chance = random.Random(0)
    for position in chance.sample(range(len(data)), 200):
        damaged = bytearray(data)
        damaged[position] ^= 1 << chance.randrange(8)
        with pytest.raises(BadRecord):
            read_back(bytes(damaged))
        with pytest.raises(BadRecord):
            read_back(data[:position])


def test_another_models_record_is_none() -> None:
    with pytest.raises(BadRecord):
        read_back(record(SMALL, OTHER_FINGERPRINT))


def forged(header: dict[str, Any] | bytes, body: bytes, length: int | None = None) -> bytes:
    """A record whose checksums are all right, whatever it says."""
    if isinstance(header, dict):
        named = {
            "fingerprint": FINGERPRINT,
            "start": 0,
            "parent": ROOT,
            "tokens": bytes(4 * BLOCK),
            "has_state": False,
            "body_bytes": len(body),
            "body_checksum": checksum([body]),
        }
        header = msgspec.msgpack.encode(named | header)
    stated = len(header) if length is None else length
    return PREFIX.pack(MAGIC, stated, hashlib.sha256(header).digest()) + header + body


def table(entries: Any, data: bytes = b"", length: int | None = None) -> bytes:
    found = entries if isinstance(entries, bytes) else msgspec.json.encode(entries)
    return LENGTH.pack(len(found) if length is None else length) + found + data


def entry(dtype: Any, shape: Any, offsets: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_what_the_forgers_make_would_pass_if_it_were_right() -> None:
    body = table({"a": entry("F32", [2], [0, 8])}, bytes(8))
    assert read_back(forged({}, body)).planes == (Plane("a", "F32", (2,), bytes(8)),)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,
        msgspec.msgpack.encode([1, 2, 3]),
        {"start": -BLOCK},
        {"start": 1},
        {"start": 2**31},
        {"start": 2**31 - BLOCK, "tokens": bytes(4 * BLOCK + 4)},
        {"start": 2**64 - 32},
        {"start": "0"},
        {"start": 0.0},
        {"parent": b"short"},
        {"parent": "x" * 32},
        {"tokens": b""},
        {"tokens": bytes(5)},
        {"tokens": [1, 2, 3]},
        {"has_state": 1},
        {"has_state": None},
        {"body_bytes": -1},
        {"body_bytes": 2**62},
        {"body_bytes": 2**64 - 1},
        {"body_checksum": b""},
        {"fingerprint": None},
        {"unknown": 1},
    ],
)
def test_a_hostile_header_is_no_record(header: dict[str, Any] | bytes) -> None:
    with pytest.raises(BadRecord):
        read_back(forged(header, table({})))


class Spy(io.BytesIO):
    """Refuses to be asked for more than there is: that would be allocated first."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 <= size <= len(self.getvalue())
        return super().read(size)


@pytest.mark.parametrize("length", [2**32 - 1, MAX_HEADER_BYTES, MAX_HEADER_BYTES + 1, 200])
def test_a_headers_length_is_not_believed(length: int) -> None:
    data = forged({}, b"", length)
    with pytest.raises(BadRecord):
        decode(Spy(data), len(data), FINGERPRINT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        table({}, b"rest"),
        table(b"", length=2**63),
        table(b"{}", length=2**64 - 1),
        table(b"{}", length=3),
        table(b""),
        table(b"[]"),
        table(b"{"),
        table(b"[" * 100_000),
        table(b'"\xff"'),
        table({"__metadata__": {"a": "b"}}),
        table({"a": entry("F32", [2], [0, 4])}, bytes(4)),
        table({"a": entry("F32", [2], [0, 8])}, bytes(7)),
        table({"a": entry("F32", [2], [0, 8])}, bytes(9)),
        table({"a": entry("F32", [2], [8, 0])}, bytes(8)),
        table({"a": entry("F32", [2], [8, 16])}, bytes(16)),
        table({"a": entry("F32", [2], [4, 12])}, bytes(8)),
        table({"a": entry("F32", [-2], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [-1, -2], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [2**40, 2**40], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [2**62], [0, 2**62])}, bytes(8)),
        table({"a": entry("F32", [2**64], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [2.0], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [1] * 9, [0, 4])}, bytes(4)),
        table({"a": entry("F33", [2], [0, 8])}, bytes(8)),
        table({"a": entry(None, [2], [0, 8])}, bytes(8)),
        table({"a": entry("F32", [2], [0])}, bytes(8)),
        table({"a": entry("F32", [2], [-8, 0])}, bytes(8)),
        table({"a": entry("F32", [2], [0, 8]), "b": entry("F32", [2], [4, 12])}, bytes(12)),
        table({"a": entry("F32", [2], [0, 8]), "b": entry("F32", [2], [0, 8])}, bytes(8)),
    ],
)
def test_hostile_planes_are_no_record(body: bytes) -> None:
    data = forged({}, body)
    with pytest.raises(BadRecord):
        decode(Spy(data), len(data), FINGERPRINT)


def test_bytes_behind_the_planes_are_no_record() -> None:
    body = table({"a": entry("F32", [2], [0, 8])}, bytes(8))
    read_only = {"body_checksum": checksum([body])}  # of what the table tells of, not of the rest
    with pytest.raises(BadRecord):
        read_back(forged(read_only, body + b"rest"))
    with pytest.raises(BadRecord):
        read_back(forged({}, body + b"rest"))


@settings(max_examples=200)
@given(data=st.binary(max_size=300), behind_a_prefix=st.booleans())
def test_noise_is_no_record(data: bytes, behind_a_prefix: bool) -> None:
    with pytest.raises(BadRecord):
        read_back(forged(data, b"") if behind_a_prefix else data)


def test_a_name_is_of_one_run_only() -> None:
    tokens = text((1, 3 * BLOCK + 5))
    changed = tokens.copy()
    changed[-1] ^= 1
    different = [
        stored(tokens),
        stored(tokens, state=True),
        stored(tokens, BLOCK),
        stored(tokens[:-1]),
        stored(tokens[: 3 * BLOCK]),
        stored(changed),
    ]
    assert len({record_name(run) for run in different}) == len(different)
    assert record_name(stored(tokens, extra_bytes=5)) == record_name(stored(tokens))


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 1},
        {"start": -BLOCK},
        {"start": 2**31},
        {"tokens": np.zeros(0, np.int32)},
        {"keys": ()},
        {"keys": (ROOT,) * 9},
        {"planes": (Plane("a", "U8", (0,), b""), Plane("a", "U8", (0,), b""))},
    ],
)
def test_what_is_no_run_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(SMALL, **wrong)


@pytest.mark.parametrize(
    ("dtype", "shape", "size"),
    [("F32", (2,), 7), ("X", (1,), 1), ("U8", (-1, -1), 1), ("U8", (1,) * 9, 1), ("BF16", (), 1)],
)
def test_what_is_no_plane_cannot_be_made(dtype: str, shape: tuple[int, ...], size: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        Plane("a", dtype, shape, bytes(size))
