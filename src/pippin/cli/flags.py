"""Every setting as a flag: names, help and defaults come from ``Settings``, so they are true."""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic import ByteSize
from pydantic.fields import FieldInfo

from pippin.settings import LISTS, Settings
from pippin.settings.words import PREFIX, UNITS, flag_name, nearest, variable_name

NO_SETTINGS = ("PIPPIN_BLAS",)
"""Variables of ours that others than the server read."""
GROUPS = {
    "The models": (
        *("config", "models_dir", "hide_hub", "unknown_model", "memory_limit", "ttl_s"),
        *("quantize", "group_size", "keep_dtype", "adapters", "default_adapter", "chat_format"),
        *("tool_parser", "context_length"),
    ),
    "Where a request does not say": (
        *("max_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty"),
    ),
    "The door": (
        *("host", "port", "api_keys", "agent_keys", "batch_keys", "insecure", "cors_origins"),
        *("allowed_hosts", "max_body_bytes", "receipt_timeout_s", "keepalive_interval_s"),
        "max_prompts",
    ),
    "Work and waiting": (
        *("max_lanes", "max_concurrency", "queue_size", "queue_timeout_s", "stall_timeout_s"),
        "prefill_budget",
    ),
    "Memory, and prompts remembered": (
        *("memory", "kv_bits", "cache_ram", "cache_disk", "cache_dir", "cache_write_rate"),
        *("cache_min_tokens", "cache_slots", "cache_per_key"),
    ),
    "The workers": (
        *(
            "blas_threads",
            "worker_start_timeout_s",
            "worker_silence_timeout_s",
            "worker_stop_timeout_s",
        ),
        "log_level",
    ),
}
"""The order of the help; every setting but the models is in one of them."""


class GroupedCommand(click.Command):
    """A command whose flags are shown in groups; any that is in none comes last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = {param.name: param for param in self.get_params(ctx)}
        shown = [(title, [left.pop(name) for name in names]) for title, names in GROUPS.items()]
        for title, params in (*shown, ("More", list(left.values()))):
            rows = [record for param in params if (record := param.get_help_record(ctx))]
            with formatter.section(title):
                formatter.write_dl(rows)


def setting_flags() -> list[click.Parameter]:
    """A flag for each setting, but for the models, which are arguments."""
    fields = Settings.model_fields.items()
    return [_flag(name, field) for name, field in fields if name != "models"]


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Variables that look like settings and are none, each with the nearest that there is."""
    known = [variable_name(setting) for setting in Settings.model_fields]
    words = []
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in (*known, *NO_SETTINGS):
            near = nearest(name.removeprefix(PREFIX), list(Settings.model_fields), variable_name)
            words.append(f"{name} is no setting of this server{near}")
    return words


def _flag(name: str, field: FieldInfo) -> click.Option:
    repeated = name in LISTS
    said = _said_kind(field)
    kind: dict[str, Any] = {}
    if get_origin(said) is Literal:
        kind["type"] = click.Choice([str(choice) for choice in get_args(said)], False)
    elif said is bool:
        kind["is_flag"] = True
    elif said in (int, float):
        kind["type"] = said
    return click.Option(
        [flag_name(name), name],
        multiple=repeated,
        default=() if repeated else None,
        metavar=_metavar(name, said),
        help=_help(name, field),
        **kind,
    )


def _help(name: str, field: FieldInfo) -> str:
    text = re.sub(r"\s+", " ", (field.description or "").replace("``", ""))
    if name in LISTS:
        return f"{text} May be repeated."
    if field.default is False:
        return text
    facts = [*_default(field), *_range(field)]
    return f"{text} [{'; '.join(facts)}]" if facts else text


def _said_kind(field: FieldInfo) -> object:
    """What is written if anything is: a setting that may be left out is of the kind within."""
    if get_origin(field.annotation) not in (Union, UnionType):
        return field.annotation
    inner = next(kind for kind in get_args(field.annotation) if kind is not type(None))
    return get_args(inner)[0] if hasattr(inner, "__metadata__") else inner


def _metavar(name: str, kind: object) -> str | None:
    if kind is ByteSize:
        return "SIZE"
    return next((word for unit, word in UNITS.items() if name.endswith(unit)), None)


def _default(field: FieldInfo) -> list[str]:
    if field.default is None:
        return []
    size = isinstance(field.default, ByteSize) and field.default
    return [f"default: {field.default.human_readable() if size else field.default}"]


def _range(field: FieldInfo) -> list[str]:
    """``from 1 to 64``, ``more than 0``; nothing if a setting has no bounds."""
    bounds = {
        word: getattr(rule, word)
        for rule in field.metadata
        if _said_kind(field) is not ByteSize
        for word in ("ge", "gt", "le")
        if hasattr(rule, word)
    }
    words = {"ge": "from {}", "gt": "more than {:g}", "le": "to {}"}
    told = " ".join(words[word].format(bounds[word]) for word in words if word in bounds)
    return [told] if told else []
