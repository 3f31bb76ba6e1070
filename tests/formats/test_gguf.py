"""Heads of GGUF files: what was written is read, and what is wrong is refused."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pippin.formats.errors import BadModelFile
from pippin.formats.gguf import GGUFHeader, read_gguf
from pippin.formats.gguf_types import TENSOR_TYPES
from pippin.formats.gguf_values import LongList
from tests.formats.gguf_writer import ARRAY, STRING, entry, scalar, tensor, text, whole

F32, Q8_0 = 0, 8
HUGE = (2**31, 2**32, 2**61, 2**63 - 1, 2**63, 2**64 - 1)
HEAD_MEMORY = 64 << 20
"""Most that reading any head of a small file may take, in bytes."""

own_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

integers = {
    0: (0, 2**8 - 1),
    1: (-(2**7), 2**7 - 1),
    2: (0, 2**16 - 1),
    3: (-(2**15), 2**15 - 1),
    4: (0, 2**32 - 1),
    5: (-(2**31), 2**31 - 1),
    10: (0, 2**64 - 1),
    11: (-(2**63), 2**63 - 1),
}


def values(type: int) -> st.SearchStrategy[Any]:
    if type == STRING:
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    if type == 7:
        return st.booleans()
    if type in integers:
        return st.integers(*integers[type])
    return st.floats(allow_nan=False, width=32 if type == 6 else 64)


@st.composite
def entries(draw: st.DrawFn) -> tuple[bytes, str, Any]:
    name = draw(st.text("abc._", min_size=1, max_size=8).map(lambda each: f"x.{each}"))
    type = draw(st.sampled_from([*integers, 6, 7, STRING, 12]))
    if draw(st.booleans()):
        value = draw(values(type))
        return entry(name, type, value), name, value
    items = draw(st.lists(values(type), max_size=400))
    return entry(name, ARRAY, items, of=type), name, tuple(items)


@st.composite
def shaped(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    type = draw(st.sampled_from(sorted(TENSOR_TYPES)))
    first = draw(st.integers(1, 3)) * TENSOR_TYPES[type].block
    return type, (first, *draw(st.lists(st.integers(1, 4), max_size=3)))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "a.gguf"
    path.write_bytes(content)
    return path


def read(folder: Path, content: bytes) -> GGUFHeader:
    return read_gguf(written(folder, content))


def refused(folder: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadModelFile, match=why):
        read(folder, content)


@own_folder
@given(
    st.lists(entries(), max_size=8, unique_by=lambda each: each[1]),
    st.lists(shaped(), max_size=5),
    st.sampled_from([8, 32, 4096]),
    st.sampled_from([2, 3]),
)
def test_what_was_written_is_read(
    tmp_path: Path,
    pairs: list[tuple[bytes, str, Any]],
    shapes: list[tuple[int, tuple[int, ...]]],
    alignment: int,
    version: int,
) -> None:
    parts, data = [], b""
    for number, (type, shape) in enumerate(shapes):
        data += b"\0" * (-len(data) % alignment)
        parts.append(tensor(f"t{number}", shape, type, len(data)))
        count = 1
        for size in shape:
            count *= size
        kind = TENSOR_TYPES[type]
        data += bytes([number + 1]) * (count // kind.block * kind.bytes)
    said = [entry("general.alignment", 4, alignment), *(raw for raw, _, _ in pairs)]
    content = whole(said, parts, data, alignment=alignment, version=version)
    header = read(tmp_path, content)
    assert header.version == version
    assert header.alignment == alignment
    assert header.file_bytes == len(content)
    for _, name, value in pairs:
        if isinstance(value, tuple):
            assert header.items(name) == value
            assert isinstance(header.metadata[name], LongList) == (len(value) > 256)
        else:
            assert header.metadata[name] == value
    for number, (found, (type, shape)) in enumerate(zip(header.tensors, shapes, strict=True)):
        assert (found.name, found.shape) == (f"t{number}", shape)
        assert found.type == TENSOR_TYPES[type].name
        inside = content[found.offset : found.offset + found.bytes]
        assert inside == bytes([number + 1]) * found.bytes


GOOD = whole(
    [
        entry("general.architecture", STRING, "qwen3"),
        entry("general.alignment", 4, 32),
        entry("tokens", ARRAY, ["a", "bc", ""], of=STRING),
        entry("scores", ARRAY, [0.5] * 300, of=6),
        entry("flags", ARRAY, [True, False], of=7),
        entry("deep", 12, 2.5),
    ],
    [tensor("w", (32, 2), Q8_0, 0), tensor("v", (5,), F32, 96)],
    b"\1" * (96 + 20),
)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    for length in range(len(GOOD)):
        refused(tmp_path, GOOD[:length], "a.gguf")


def test_every_flipped_byte_is_refused_or_read(tmp_path: Path) -> None:
    for place in range(len(GOOD)):
        for value in (GOOD[place] ^ 0x01, GOOD[place] ^ 0x80, 0x00, 0xFF):
            content = GOOD[:place] + bytes([value]) + GOOD[place + 1 :]
            _read_or_refused(tmp_path, content)


@own_folder
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused_or_read(tmp_path: Path, content: bytes, magic: bool) -> None:
    _read_or_refused(tmp_path, b"GGUF\x03\0\0\0" + content if magic else content)


def _read_or_refused(folder: Path, content: bytes) -> None:
    try:
        header = read(folder, content)
        for name in header.metadata:
            header.items(name)
    except BadModelFile:
        return
    assert all(each.offset + each.bytes <= len(content) for each in header.tensors)


@pytest.mark.parametrize("count", HUGE)
def test_counts_that_cannot_be(tmp_path: Path, count: int) -> None:
    padding = b"\0" * 4096
    refused(tmp_path, whole(data=padding, counts=(count % 2**64, 0)), "claims to have")
    refused(tmp_path, whole(data=padding, counts=(0, count % 2**64)), "claims to have")


@pytest.mark.parametrize("length", HUGE)
def test_lengths_that_cannot_be(tmp_path: Path, length: int) -> None:
    raw = struct.pack("<Q", length % 2**64)
    key = raw + b"name" * 100
    value = text("x") + struct.pack("<I", STRING) + raw + b"y" * 400
    name = raw + b"t" * 400
    listed = text("x") + struct.pack("<II", ARRAY, 0) + raw + b"y" * 400
    texts = text("x") + struct.pack("<IIQ", ARRAY, STRING, 2) + raw + b"y" * 400
    for part in (key, value, listed, texts):
        refused(tmp_path, whole([part]), "ends too early|too long")
    refused(tmp_path, whole(tensors=[name]), "ends too early")


@pytest.mark.parametrize(
    "shape",
    [
        (2**32, 2**32),
        (2**63,),
        (2**62, 4),
        (2**16, 2**16, 2**16, 2**16),
        (32, 2**59),
        (0,),
        (32, 0),
    ],
)
def test_shapes_that_overflow(tmp_path: Path, shape: tuple[int, ...]) -> None:
    content = whole(tensors=[tensor("w", shape, F32, 0)], data=b"\0" * 64)
    refused(tmp_path, content, "impossible shape|beyond the end")


@pytest.mark.parametrize("alignment", [0, 1, 3, 7, 24, 2**17, 2**31, 2**32 - 1])
def test_alignments_that_cannot_be(tmp_path: Path, alignment: int) -> None:
    refused(tmp_path, whole([entry("general.alignment", 4, alignment)]), "power of two")


@pytest.mark.parametrize(
    ("type", "value"), [(10, 32), (5, 32), (STRING, "32"), (6, 32.0), (7, True)]
)
def test_an_alignment_of_a_wrong_type(tmp_path: Path, type: int, value: Any) -> None:
    refused(tmp_path, whole([entry("general.alignment", type, value)]), "wrong type")


@pytest.mark.parametrize("offset", [64, 2**40, 2**63, 2**64 - 32])
def test_tensors_beyond_the_end(tmp_path: Path, offset: int) -> None:
    content = whole(tensors=[tensor("w", (16,), F32, offset)], data=b"\0" * 64)
    refused(tmp_path, content, "beyond the end")


def test_tensors_that_are_misplaced(tmp_path: Path) -> None:
    data = b"\0" * 256
    one = tensor("a", (16,), F32, 0)
    for other, why in (
        (tensor("b", (16,), F32, 32), "lies on another"),
        (tensor("b", (16,), F32, 68), "not aligned"),
        (tensor("a", (16,), F32, 64), "twice"),
        (tensor("b", (16, 1, 1, 1, 1), F32, 64), "5 dimensions"),
        (tensor("b", (), F32, 64), "0 dimensions"),
        (tensor("b", (33,), Q8_0, 64), "whole blocks"),
        (tensor("b", (32,), 4, 64), "unknown type"),
        (tensor("b", (32,), 1000, 64), "unknown type"),
    ):
        refused(tmp_path, whole(tensors=[one, other], data=data), why)


def test_values_that_are_wrong(tmp_path: Path) -> None:
    nested = text("x") + struct.pack("<IIQ", ARRAY, ARRAY, 1) + struct.pack("<IQ", 0, 0)
    odd_list = text("x") + struct.pack("<IIQ", ARRAY, 99, 1) + b"\0" * 8
    odd = text("x") + struct.pack("<I", 99) + b"\0" * 8
    truth = text("x") + struct.pack("<IB", 7, 2)
    truths = text("x") + struct.pack("<IIQ", ARRAY, 7, 2) + b"\1\2"
    unreadable = struct.pack("<Q", 2) + b"\xff\xfe" + struct.pack("<I", 0) + b"\0"
    for part, why in (
        (nested, "lists in a list"),
        (odd_list, "unknown type"),
        (odd, "unknown type"),
        (truth, "neither 0 nor 1"),
        (truths, "neither 0 nor 1"),
        (unreadable, "no text"),
        (entry("", 0, 1), "empty"),
    ):
        refused(tmp_path, whole([part], data=b"\0" * 64), why)
    refused(tmp_path, whole([entry("x", 0, 1)] * 2), "twice")


def test_other_files(tmp_path: Path) -> None:
    refused(tmp_path, b"", "begin with GGUF")
    refused(tmp_path, b"GGML" + GOOD[4:], "begin with GGUF")
    refused(tmp_path, whole(version=1), "version is 1")
    refused(tmp_path, b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "byte order")
    with pytest.raises(BadModelFile, match="cannot be opened"):
        read_gguf(tmp_path / "none.gguf")
    with pytest.raises(BadModelFile, match="no regular file"):
        read_gguf(tmp_path)


def test_a_file_that_changed_is_noticed(tmp_path: Path) -> None:
    header = read(tmp_path, GOOD)
    written(tmp_path, GOOD + b"\0")
    with pytest.raises(BadModelFile, match="changed"):
        header.items("scores")


def test_a_large_vocabulary_is_not_held(tmp_path: Path) -> None:
    count = 150_000
    words = [f"token number {number}" for number in range(count)]
    path = written(tmp_path, whole([entry("tokens", ARRAY, words, of=STRING)]))
    del words
    tracemalloc.start()
    header = read_gguf(path)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1 << 20
    assert most < 8 << 20
    assert header.items("tokens")[-1] == f"token number {count - 1}"


def test_many_entries_take_bounded_memory(tmp_path: Path) -> None:
    """Short lists are many times larger in Python than in the file."""
    items = struct.pack("<IIQ", ARRAY, 0, 256) + b"\7" * 256
    parts = [text(f"k{number}") + items for number in range(20_000)]
    path = written(tmp_path, whole(parts))
    del parts
    tracemalloc.start()
    header = read_gguf(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < HEAD_MEMORY
    assert header.items("k0") == header.items("k19999") == (7,) * 256


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    part = text("x") + struct.pack("<I", STRING) + struct.pack("<Q", 1) + b"\xff"
    assert read(tmp_path, whole([part])).metadata["x"] == "\N{REPLACEMENT CHARACTER}"
    assert scalar(STRING, "a") == struct.pack("<Q", 1) + b"a"
