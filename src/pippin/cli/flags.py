"""Every setting as a flag: names, help and defaults come from ``Settings``, so they are true."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from pippin.settings import LISTS, Settings

NO_SETTINGS = ("PIPPIN_BLAS", "PIPPIN_CACHE_DIR")
"""Variables of ours that others than the server read."""
UNITS = {"_s": "SECONDS", "_bytes": "BYTES"}


def setting_flags() -> list[click.Parameter]:
    """A flag for each setting, but for the models, which are arguments."""
    fields = Settings.model_fields.items()
    return [_flag(name, field) for name, field in fields if name != "models"]


def flag_name(setting: str) -> str:
    """``api_keys`` → ``--api-key``, which may be repeated; a unit is not part of the flag."""
    stem = setting.removesuffix("s") if setting in LISTS else setting
    for unit in UNITS:
        stem = stem.removesuffix(unit)
    return "--" + stem.replace("_", "-")


def complaints(error: ValidationError) -> list[str]:
    """What is wrong with the settings, in words that name the flag and the variable."""
    words = []
    for problem in error.errors(include_input=False, include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        setting = str(problem["loc"][0]) if problem["loc"] else ""
        if setting == "models":
            message = f"MODEL: {message}"
        elif setting:
            message = f"{flag_name(setting)} (PIPPIN_{setting.upper()}): {message}"
        words.append(message)
    return words


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Variables that look like settings and are none, each with the nearest that there is."""
    known = [f"PIPPIN_{name.upper()}" for name in Settings.model_fields]
    words = []
    for name in sorted(environment):
        if name.upper().startswith("PIPPIN_") and name.upper() not in (*known, *NO_SETTINGS):
            near = difflib.get_close_matches(name.upper(), known, 1, 0.0)
            words.append(f"{name} is no setting of this server; did you mean {near[0]}?")
    return words


def _flag(name: str, field: FieldInfo) -> click.Option:
    repeated = name in LISTS
    kind: dict[str, Any] = {}
    if get_origin(field.annotation) is Literal:
        kind["type"] = click.Choice(get_args(field.annotation))
    elif field.annotation is bool:
        kind["is_flag"] = True
    elif field.annotation in (int, float):
        kind["type"] = field.annotation
    return click.Option(
        [flag_name(name), name],
        multiple=repeated,
        default=() if repeated else None,
        metavar=next((word for unit, word in UNITS.items() if name.endswith(unit)), None),
        help=_help(name, field),
        **kind,
    )


def _help(name: str, field: FieldInfo) -> str:
    text = re.sub(r"\s+", " ", (field.description or "").replace("``", ""))
    if name in LISTS:
        return f"{text} May be repeated."
    if field.default is False:
        return text
    facts = [f"default: {field.default}", *_range(field)]
    return f"{text} [{'; '.join(facts)}]"


def _range(field: FieldInfo) -> list[str]:
    """``from 1 to 64``, ``more than 0``; nothing if a setting has no bounds."""
    bounds = {
        word: getattr(rule, word)
        for rule in field.metadata
        for word in ("ge", "gt", "le")
        if hasattr(rule, word)
    }
    words = {"ge": "from {}", "gt": "more than {:g}", "le": "to {}"}
    told = " ".join(words[word].format(bounds[word]) for word in words if word in bounds)
    return [told] if told else []
