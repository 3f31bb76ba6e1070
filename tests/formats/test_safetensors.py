"""Headers of safetensors files: what holds, and that nothing else ever gets through."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin import demo
from pippin.formats.errors import BadModelFile
from pippin.formats.safetensors import check_safetensors, read_header
from tests.formats.files import SMALL, header_bytes, safetensors_bytes

PLAIN = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("weights") / "model.safetensors"


def test_a_small_file(path: Path) -> None:
    path.write_bytes(SMALL)
    header = read_header(path)
    assert header.metadata == {"format": "mlx"}
    assert header.tensors["model.embed.weight"].count == 32
    assert header.tensors["empty"].count == 0
    assert header.tensors["scalar"].shape == ()


def test_the_demo_models() -> None:
    for folder in filter(Path.is_dir, demo.MODELS.values()):
        for file in folder.glob("*.safetensors"):
            check_safetensors(file)


def test_spaces_after_the_header_are_allowed(path: Path) -> None:
    text = json.dumps({"a": PLAIN}).encode() + b"   "
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    assert read_header(path).tensors["a"].count == 2


@pytest.mark.parametrize(
    ("header", "data", "says"),
    [
        ([], 0, "does not begin with an object"),
        (PLAIN, 8, "not an object of tensors"),
        ({"a": 1}, 0, "not described as a tensor"),
        ({"a": {"dtype": "F32"}}, 0, "not described as a tensor"),
        ({"a": {**PLAIN, "more": 1}}, 8, "not described as a tensor"),
        ({"a": PLAIN, "__metadata__": {"n": 1}}, 8, "__metadata__"),
        ({"a": PLAIN, "__metadata__": [1]}, 8, "__metadata__"),
        ({"a": {**PLAIN, "dtype": "F33"}}, 8, "no known type"),
        ({"a": {**PLAIN, "dtype": ["F32"]}}, 8, "no known type"),
        ({"a": {**PLAIN, "shape": [-2]}}, 8, "not a list of sizes"),
        ({"a": {**PLAIN, "shape": [True, 2]}}, 8, "not a list of sizes"),
        ({"a": {**PLAIN, "shape": [2.0]}}, 8, "no whole number"),
        ({"a": {**PLAIN, "shape": [1] * 65}}, 8, "not a list of sizes"),
        ({"a": {**PLAIN, "shape": 2}}, 8, "not a list of sizes"),
        ({"a": {**PLAIN, "shape": [2**64]}}, 8, "another size"),
        ({"a": {**PLAIN, "shape": [3]}}, 8, "another size"),
        ({"a": {**PLAIN, "data_offsets": [0, 8, 8]}}, 8, "data_offsets"),
        ({"a": {**PLAIN, "data_offsets": [-8, 0]}}, 8, "data_offsets"),
        ({"a": {**PLAIN, "data_offsets": [8, 0]}}, 8, "another size"),
        ({"a": {**PLAIN, "data_offsets": [4, 12]}}, 12, "overlap"),
        ({"a": PLAIN, "b": PLAIN}, 8, "overlap"),
        ({"a": PLAIN, "b": {**PLAIN, "data_offsets": [4, 12]}}, 12, "overlap"),
        ({"a": PLAIN, "b": {**PLAIN, "data_offsets": [12, 20]}}, 20, "bytes between"),
        ({"a": PLAIN}, 9, "there are 9"),
        ({"a": PLAIN}, 7, "there are 7"),
        ({}, 1, "there are 1"),
    ],
)
def test_what_breaks_the_format(path: Path, header: object, data: int, says: str) -> None:
    path.write_bytes(header_bytes(header) + bytes(data))
    with pytest.raises(BadModelFile, match=says) as caught:
        read_header(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' * 100_000,
        b"{" + b'"a":[' * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"\xff":1}',
        b'{"a":{"dtype":"F32","dtype":"F32"}}',
        b"{",
        b' {"a":1}',
    ],
    ids=range(9),
)
def test_hostile_headers(path: Path, text: bytes) -> None:
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(BadModelFile):
        read_header(path)


def test_a_length_beyond_the_file_or_the_format(path: Path) -> None:
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadModelFile, match="cut short"):
        read_header(path)
    with path.open("wb") as file:
        file.write((100_000_001).to_bytes(8, "little"))
        file.truncate(100_000_009)
    with pytest.raises(BadModelFile, match="more than 100000000"):
        read_header(path)


def test_no_file_a_folder_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("nothing", "folder", "pipe"):
        with pytest.raises(BadModelFile, match=name):
            read_header(tmp_path / name)


@given(st.integers(0, len(SMALL) - 1))
def test_a_file_that_is_cut_anywhere_is_refused(path: Path, length: int) -> None:
    path.write_bytes(SMALL[:length])
    with pytest.raises(BadModelFile):
        read_header(path)


@settings(max_examples=300)
@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_harmless(path: Path, at: int, flip: int) -> None:
    data = bytearray(SMALL)
    data[at] ^= flip
    path.write_bytes(data)
    with contextlib.suppress(BadModelFile):
        tensors = read_header(path).tensors.values()
        assert sum(tensor.end - tensor.begin for tensor in tensors) <= len(data)


@given(st.binary(max_size=200))
def test_any_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with contextlib.suppress(BadModelFile):
        read_header(path)


@given(
    st.lists(
        st.tuples(st.sampled_from(["F32", "I32", "U32"]), st.lists(st.integers(0, 5), max_size=4)),
        max_size=6,
    )
)
def test_what_is_well_made_is_read_back(path: Path, given_: list[tuple[str, list[int]]]) -> None:
    sized = {}
    for number, (dtype, shape) in enumerate(given_):
        count = 1
        for size in shape:
            count *= size
        sized[f"t{number}"] = (dtype, shape, 4 * count)
    path.write_bytes(safetensors_bytes(sized))
    tensors = read_header(path).tensors
    assert {name: (one.dtype, list(one.shape)) for name, one in tensors.items()} == {
        name: (dtype, shape) for name, (dtype, shape, _) in sized.items()
    }
