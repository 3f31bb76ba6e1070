"""Bytes → a JSON object, with nothing left to interpretation (RFC 8259, and stricter).

What other parsers let through and later code stumbles over is refused here: byte order marks,
NaN and Infinity, numbers that overflow, names given twice, lone surrogates.
"""

import json
import re
from collections import Counter
from typing import Any, NoReturn

from pippin.errors import BodyNotJSON

SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object that these bytes are.

    Raises:
        BodyNotJSON: and its message says which rule was broken.
    """
    text = _decode(data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise BodyNotJSON(f"The body is no JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise BodyNotJSON("The body is nested too deeply.") from None
    except ValueError:
        # The only other ValueError of the json module: Python's limit on digits.
        raise BodyNotJSON("The body holds an integer with too many digits.") from None
    if not isinstance(value, dict):
        raise BodyNotJSON("The body must be a JSON object.")
    if SURROGATE_ESCAPE.search(data):
        _refuse_lone_surrogates(value)
    return value


def _decode(data: bytes) -> str:
    if not data.strip():
        raise BodyNotJSON("The body is empty; a JSON object was expected.")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise BodyNotJSON("The body begins with a byte order mark; send plain UTF-8.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyNotJSON(f"The body is not UTF-8: see byte {error.start}.") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise BodyNotJSON(f"The name {_shown(twice)} is given twice in one object.")
    return result


def _no_constant(name: str) -> NoReturn:
    raise BodyNotJSON(f"{name} is no JSON number.")


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise BodyNotJSON("The body holds a number that is too large.")
    return number


def _refuse_lone_surrogates(value: object) -> None:
    """A text with half of a surrogate pair cannot be encoded; no tokenizer takes it."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if not _encodable(item):
                raise BodyNotJSON("The body holds a lone surrogate (half of a \\u pair).")
        elif isinstance(item, dict):
            pending += item.keys()
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    """A client's own word, fit for a message: escaped and short."""
    return ascii(name[:64])
