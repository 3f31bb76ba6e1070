"""The models in a folder: ``models/name``, ``models/org/name``, and ``.gguf`` files in both."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pippin.formats.folder import is_model_folder

MAX_LISTED = 10_000
"""Of one folder: more is no folder of models, but a mistake."""
LATER_PART = re.compile(r"-(?!00001-)\d{5}-of-\d{5}\.gguf$")
PROJECTOR = "mmproj"
"""What vision models have beside their text model: no model by itself."""


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


def gguf_files(folder: Path) -> list[Path]:
    """The GGUF models of a folder: of one in several parts, the first part."""
    return [path for path in _listed(folder) if _is_gguf(path)]


def _models_within(folder: Path) -> Iterator[Found]:
    try:
        paths = _listed(folder)
    except OSError:  # somebody else's folder: it is not ours to complain about
        return
    for path in paths:
        if one := _model(path, f"{folder.name}/{path.name}"):
            yield one


def _model(path: Path, name: str) -> Found | None:
    return Found(name, path) if _is_gguf(path) or is_model_folder(path) else None


def _is_gguf(path: Path) -> bool:
    return (
        path.suffix == ".gguf"
        and not path.name.startswith(PROJECTOR)
        and not LATER_PART.search(path.name)
        and path.is_file()
    )


def _listed(folder: Path) -> list[Path]:
    with os.scandir(folder) as found:
        names = [one.name for one in islice(found, MAX_LISTED)]
    return [folder / name for name in sorted(names) if not name.startswith(".")]
