"""A call's arguments, as the client sent them back, in the form that a template wants."""

import json
from typing import Any, NoReturn

from pippin.prompt.words import Change, changed


def as_object(text: str, change: Change) -> dict[str, Any] | None:
    """The JSON object that they are, with its texts changed; ``None``: they are something else.

    The change comes after the parsing: JSON's escapes could hide a control token from it.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # no tokenizer takes half a surrogate pair
        return changed(value, change) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def as_text(text: str, change: Change) -> str:
    """Their text as it was: so the prompt goes on as the model itself wrote."""
    return change(text) if text.strip() else "{}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
