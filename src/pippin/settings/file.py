"""A configuration file → settings with their lines, by the shape of what it holds."""

import os
from pathlib import Path

from pippin.settings.document import Node, read_document
from pippin.settings.errors import BadSettings
from pippin.settings.filed import Filed, Placed, Section
from pippin.settings.foreign import engine, openai_server, textgen
from pippin.settings.own import read_own

PATHS = ("models_dir", "cache_dir")
"""Settings of the server that are paths."""
AT_HOME = "~"


def read_file(path: Path) -> Filed:
    """What a file of any known format says. Its paths are made absolute, from its own folder.

    Raises:
        BadSettings: it cannot be read, or says something that is no setting.
    """
    filed = Filed(path)
    _read(read_document(path), filed)
    if filed.problems:
        raise BadSettings(filed.problems)
    folder = path.expanduser().absolute().parent
    for name in PATHS:
        _make_absolute(filed.settings, name, folder)
    for section in (filed.settings, *(model.settings for model in filed.models or ())):
        _place_model(section, folder)
        _place_adapters(section, folder)
    return filed


def _read(root: Node, filed: Filed) -> None:
    for reader in (textgen, openai_server, engine):
        if reader.recognises(root, filed.path):
            reader.read(root, filed)
            return
    read_own(root, filed)


def _make_absolute(section: Section, name: str, folder: Path) -> None:
    placed = section.get(name)
    if placed is not None and isinstance(placed.value, str) and placed.value:
        section[name] = Placed(_absolute(placed.value, folder), placed.line)


def _place_model(section: Section, folder: Path) -> None:
    """A repository and a demo stay as they are, unless there is such a path beside the file."""
    placed = section.get("model")
    if placed is None or not isinstance(placed.value, str) or not placed.value.strip():
        return
    where = placed.value.strip()
    if where.startswith(("/", "./", "../", AT_HOME)) or (folder / where).exists():
        section["model"] = Placed(_absolute(where, folder), placed.line)


def _place_adapters(section: Section, folder: Path) -> None:
    placed = section.get("adapters")
    if placed is None:
        return
    value = placed.value
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if isinstance(value, list) and all(isinstance(one, str) and "=" in one for one in value):
        value = dict(one.split("=", 1) for one in value)
    if isinstance(value, dict):
        value = {
            name: _absolute(path.strip(), folder) if isinstance(path, str) and path else path
            for name, path in value.items()
        }
    section["adapters"] = Placed(value, placed.line)


def _absolute(path: str, folder: Path) -> str:
    return path if path.startswith(AT_HOME) else os.path.normpath(folder / path)
