"""What models are called, and what a request may call them."""

import re
from collections.abc import Iterable
from pathlib import Path

from pippin.settings import ModelSettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
REPOSITORY = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
    r"(@([A-Za-z0-9][A-Za-z0-9._-]{0,99}|refs/pr/\d{1,6}))?"
)
"""``org/name[@revision]``, as the hub allows it, and never a path."""
NEVER = ("..", "--")
"""What neither names of the hub nor ours hold: the first climbs folders, the second parts the
names of folders in the hub's cache."""


def is_name(text: str) -> bool:
    """Whether clients may call a model so."""
    return NAME.fullmatch(text) is not None


def is_repository(text: str) -> bool:
    """Whether a text is a well-formed name on the hub. Says nothing about whether it exists."""
    return REPOSITORY.fullmatch(text) is not None and not any(word in text for word in NEVER)


def is_path(where: str) -> bool:
    """Whether an operator means a folder or file here, and not a name on the hub."""
    return where.startswith(("/", "./", "../", "~")) or (where != "" and Path(where).exists())


def location(model: ModelSettings) -> str:
    """Where a configured model is: a path is made absolute, anything else is as it was given.

    Raises:
        ValueError: there is nothing at this path. In words for the operator.
    """
    if not is_path(model.model):
        return model.model
    path = Path(model.model).expanduser().resolve()
    if not path.exists():
        raise ValueError(f"there is no model at {model.model}")
    return str(path)


def own_name(model: ModelSettings, where: str) -> str:
    """What a configured model is called: as it says, else by the last part of its path; anything
    else (``demo``, a hub repository) by itself."""
    return model.name or (Path(where).name if is_path(where) else where)


def last_parts(names: Iterable[str]) -> set[str]:
    """The short forms of names: ``org/name@rev`` → ``name``, ``/x/y.gguf`` → ``y.gguf``, ``y``."""
    short = {name.partition("@")[0].rpartition("/")[2] for name in names}
    return short | {name.removesuffix(".gguf") for name in short}
