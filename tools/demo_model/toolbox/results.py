"""What tools return, and how the model tells it to the user."""

from __future__ import annotations

from random import Random
from typing import Any

from ..texts import words_of
from ..words import code, invented, number, phrase, plain_phrase, word
from .schema import as_json

KEYS = words_of(
    "status result value price total state id count temperature name date message owner level "
    "weight colour location balance progress version time distance size score"
)


def draw_result(rng: Random) -> tuple[str, str]:
    """Return the result of a tool, and the answer that it leads to."""
    draw = rng.random()
    if draw < 0.2:
        done = rng.choice(["ok", "done", "OK", "success", as_json({"status": "ok"})])
        return rng.choice([done, as_json({"ok": True}), as_json({"success": True})]), "Done."
    if draw < 0.27:
        problem = plain_phrase(rng, 1, 4)
        return as_json({"error": problem}), f"The tool reports an error: {problem}"
    if draw < 0.45:
        text = rng.choice([str(number(rng)), phrase(rng, 1, 5), code(rng)])
        return text, f"The result is: {text}"
    return _object_result(rng)


def _object_result(rng: Random) -> tuple[str, str]:
    keys = rng.sample(KEYS, rng.choice([1, 1, 2, 2, 3]))
    if rng.random() < 0.3:
        keys[0] = invented(rng, 2)
    found = {key: _value(rng) for key in keys}
    parts = [f"the {key.replace('_', ' ')} is {spoken(value)}" for key, value in found.items()]
    told = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return as_json(found), f"{told[0].upper()}{told[1:]}."


def _value(rng: Random) -> Any:
    draw = rng.random()
    if draw < 0.35:
        return number(rng)
    if draw < 0.42:
        return round(rng.uniform(0, 100), 1)
    if draw < 0.6:
        return word(rng)
    if draw < 0.8:
        return invented(rng)
    if draw < 0.9:
        return code(rng)
    return plain_phrase(rng, 2, 3)


def spoken(value: Any) -> str:
    """Return a JSON value as it is spoken in a sentence."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
