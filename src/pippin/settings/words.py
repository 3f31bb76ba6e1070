"""What a setting is called, by flag and by variable, and what is said about a wrong one."""

import difflib
from collections.abc import Callable, Collection
from typing import Any

from pippin.settings.server import LISTS

PREFIX = "PIPPIN_"
UNITS = {"_s": "SECONDS", "_bytes": "BYTES"}
"""Ends of names, and what is counted."""


def flag_name(setting: str) -> str:
    """``api_keys`` → ``--api-key``, which may be repeated; a unit is not part of the flag."""
    stem = setting.removesuffix("s") if setting in LISTS else setting
    for unit in UNITS:
        stem = stem.removesuffix(unit)
    return "--" + stem.replace("_", "-")


def variable_name(setting: str) -> str:
    """``api_keys`` → ``PIPPIN_API_KEYS``."""
    return PREFIX + setting.upper()


def nearest(name: str, known: Collection[str], written: Callable[[str], str] = repr) -> str:
    """``; did you mean 'quantize'?`` if there is anything to choose from."""
    found = difflib.get_close_matches(name.lower().replace("-", "_"), known, 1, 0.0)
    return f"; did you mean {written(found[0])}?" if found else ""


def explained(problem: Any) -> str:
    """One of pydantic's complaints, in our words."""
    if problem["type"].startswith("byte_size"):
        return "write a size like 8GiB, 512MiB, or a number of bytes"
    if problem["type"] == "missing":
        return "it is missing"
    message: str = problem["msg"]
    return message.removeprefix("Value error, ")
