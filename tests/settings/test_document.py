"""YAML without its dangers: what is read, and what is refused with its line."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin.settings.document import read_document
from pippin.settings.errors import BadSettings


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("document") / "pippin.yaml"


def read(path: Path, text: str) -> Any:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return read_document(path).plain


def test_plain_words_are_those_of_yaml_1_2(path: Path) -> None:
    text = "[1, -2, 012, 1.5, 1e3, .5, true, False, null, ~, no, on, 0x10, 1:30, 2020-01-01]"
    words = ["no", "on", "0x10", "1:30", "2020-01-01"]
    assert read(path, text) == [1, -2, 12, 1.5, 1000.0, 0.5, True, False, None, None, *words]
    assert read(path, "['1', \"true\", '']") == ["1", "true", ""]
    assert read(path, "1: a\n=: b") == {"1": "a", "=": "b"}
    assert read(path, "") == {}
    assert read(path, "\ufeffa: b") == {"a": "b"}


def test_lines_are_those_of_the_names(path: Path) -> None:
    read(path, "# a comment\na:\n  b: 1\nc:\n  - x\n  - {d:\n    2}\n")
    root = read_document(path)
    assert (root.members["a"].line, root.members["a"].members["b"].line) == (2, 3)
    first, second = root.members["c"].items
    assert (first.line, second.line, second.members["d"].line) == (5, 6, 6)
    assert (first.members, first.items) == ({}, [])


def test_what_is_said_once_may_be_used_again(path: Path) -> None:
    text = """
base: &base {x: 1, y: 2}
other: &other {y: 3, z: 4}
one: {<<: *base, y: 5}
two: {<<: [*base, *other], x: 6}
same: *base
"""
    found = read(path, text)
    assert found["one"] == {"x": 1, "y": 5}
    assert found["two"] == {"x": 6, "y": 2, "z": 4}
    assert found["same"] == {"x": 1, "y": 2}


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' is given twice; see line 1"),
        ("a: !!python/object/apply:os.system [x]", 1, "tags are not allowed"),
        ("\na: !mine x", 2, "tags are not allowed"),
        ("!!set {a, b}", 1, "tags are not allowed"),
        ("!x a: 1", 1, "tags are not allowed"),
        ("a: !!binary aGk=", 1, "tags are not allowed"),
        ("a: &x [*x]", 1, "nested more than 20 deep"),
        ("a: &x {<<: *x}", 1, "nested more than 20 deep"),
        (BOMB, 1, "more than 20000 values"),
        ("a:\n" + "- b\n" * 20_001, 19_999, "more than 20000 values"),
        ("? [a]\n: b", 1, "a name must be a text"),
        ("a: {<<: 3}", 1, "takes over mappings only"),
        ("a: 1\n\tb: 2", 2, "this is no YAML"),
        ("a: [1,\nb", 2, "this is no YAML"),
        ("--- a\n--- b", 2, "this is no YAML"),
        ("a: *nothing", 1, "this is no YAML"),
        ('a: "\\ud83d"', 1, "half a character"),
    ],
)
def test_what_is_refused(path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read(path, text)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}:{line}: ")
    assert says in problem


@pytest.mark.parametrize("text", ["a: \x00", '"\\UFFFFFFFF"', "[" * 100_000, "- " * 100_000])
def test_what_is_refused_without_a_line(path: Path, text: str) -> None:
    with pytest.raises(BadSettings, match=r"pippin\.yaml"):
        read(path, text)


def test_bytes_that_are_no_text(path: Path) -> None:
    path.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(BadSettings, match=":2: the file is not UTF-8"):
        read_document(path)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        read_document(tmp_path / "nothing.yaml")
    with pytest.raises(BadSettings, match="cannot be read"):
        read_document(tmp_path)
    (tmp_path / "long.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(BadSettings, match="longer than a MiB"):
        read_document(tmp_path / "long.yaml")


TEXT = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]))
"""Without what YAML takes for the end of a line, and JSON does not."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(JSON.filter(lambda value: value is not None), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_it_is(path: Path, value: Any, indent: int | str | None) -> None:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(value, indent=indent, ensure_ascii=False))
    with contextlib.suppress(BadSettings):  # YAML has no place for some control characters
        assert read_document(file).plain == value


@given(st.text(max_size=60) | st.text("ab:-[]{}&*!|>'\"%#? \n\t<,", max_size=40))
def test_any_text_is_read_or_refused(path: Path, text: str) -> None:
    with contextlib.suppress(BadSettings):
        read(path, text)
