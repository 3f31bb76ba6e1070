"""The models in a folder: ``models/name``, ``models/org/name``, and ``.gguf`` files in both."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pippin.formats.folder import is_model_folder
from pippin.formats.gguf_facts import is_gguf_model

MAX_LISTED = 10_000
"""Of one folder: more is no folder of models, but a mistake."""


class Found(NamedTuple):
    """A model that lies somewhere, and what it is called there."""

    name: str
    path: Path


def models_in(folder: Path) -> Iterator[Found]:
    """Every model of a folder, by name. Hidden ones are left out.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    for path in _listed(folder):
        if one := _model(path, path.name):
            yield one
        elif path.is_dir():
            yield from _models_within(path)


def _models_within(folder: Path) -> Iterator[Found]:
    try:
        paths = _listed(folder)
    except OSError:  # somebody else's folder: it is not ours to complain about
        return
    for path in paths:
        if one := _model(path, f"{folder.name}/{path.name}"):
            yield one


def _model(path: Path, name: str) -> Found | None:
    return Found(name, path) if is_gguf_model(path) or is_model_folder(path) else None


def _listed(folder: Path) -> list[Path]:
    with os.scandir(folder) as found:
        names = [one.name for one in islice(found, MAX_LISTED)]
    return [folder / name for name in sorted(names) if not name.startswith(".")]
