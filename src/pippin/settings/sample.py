"""Pippin's own configuration file, written from the settings themselves: names, reasons and
defaults cannot be others than the true ones."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo

from pippin.settings.defaults import ModelDefaults
from pippin.settings.model import OWN, ModelSettings
from pippin.settings.own import SERVER
from pippin.settings.server import Settings

WIDTH = 96
HEAD = """\
# Pippin's configuration: pippin serve --config THIS_FILE, or PIPPIN_CONFIG=THIS_FILE.
# Flags and the environment go before it. Lines that are commented out show the defaults.
# Paths count from this file's folder; sizes are written as 8GiB or 512MiB.
# pippin config check THIS_FILE says whether all is well with it.
"""


def sample(models: int = 1) -> str:
    """A file that says nothing but the defaults, for so many models: all are the demo."""
    parts = [HEAD, "server:", *_settings(Settings.model_fields, SERVER)]
    parts += ["", "# Of every model, unless its own settings say otherwise.", "defaults:"]
    parts += _settings(ModelDefaults.model_fields, ModelDefaults.model_fields)
    parts += ["", "models:", *_first_model()]
    for number in range(2, models + 1):
        parts += ["", "  - model: demo", f"    name: demo-{number}"]
    return "\n".join(parts) + "\n"


def written(value: Any) -> str:
    """A setting's value as it is written in a file; keys are counted, and not shown."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, tuple):
        if any(isinstance(one, SecretStr) for one in value):
            return f"({len(value)} of them, not shown)"
        return "[" + ", ".join(written(one) for one in value) + "]"
    return _word(value) or '""'


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, ByteSize) and value:
        return re.sub(r"\.0(?=\D)", "", value.human_readable())
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _settings(fields: Mapping[str, FieldInfo], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        field = fields[name]
        yield from _comment(field.description or "", "  ")
        yield f"  # {name}: {written(field.get_default(call_default_factory=True))}".rstrip()


def _first_model() -> Iterator[str]:
    fields = ModelSettings.model_fields
    for name in (name for name in fields if name in OWN):
        yield from _comment(fields[name].description or "", "    ")
        if name == "model":
            yield "  - model: demo"
        else:
            yield f"    # {name}: {written(fields[name].default)}".rstrip()
    yield from _comment("And any name of defaults, for this model only.", "    ")
    yield from (f"    # {name}:" for name in fields if name not in OWN)


def _comment(text: str, indent: str) -> list[str]:
    plain = re.sub(r"\s+", " ", text.replace("``", ""))
    lead = f"{indent}# "
    return textwrap.wrap(plain, WIDTH, initial_indent=lead, subsequent_indent=lead)
