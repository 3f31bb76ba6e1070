"""The strict parser against the standard one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.api.strict_json import parse_object
from pippin.errors import BodyNotJSON

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES), st.booleans())
def test_any_proper_object_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        value = parse_object(data)
    except BodyNotJSON:
        return
    assert isinstance(value, dict)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "\\ud800"}',
        b'{"\\uDFFF": 1}',
        b'{"a": [{"b": "x\\udc00\\ud800"}]}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": ' + b"1" * 100_000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[]",
        b'"a"',
        b"1",
        b"null",
        b"",
        b"  \n",
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-be"),
        '{"a": "ü"}'.encode("latin-1"),
        b'{"a": 1} x',
        b"{'a': 1}",
        b'{"a": "\x00"}',
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(BodyNotJSON) as caught:
        parse_object(data)
    assert len(caught.value.message) < 200


def test_a_whole_pair_is_a_character() -> None:
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
