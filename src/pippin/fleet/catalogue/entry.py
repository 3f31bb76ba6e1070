"""One model that may be served."""

from dataclasses import dataclass
from typing import Literal

from pippin.formats.facts import ModelFacts
from pippin.settings import Settings

Source = Literal["configured", "folder", "hub", "demo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of a model before it is loaded. Owned by the catalogue."""

    name: str
    """What clients call it; no other entry has this name or alias."""
    aliases: tuple[str, ...] = ()
    where: str
    """An absolute path, a repository ``org/name[@revision]``, or the name of a demo."""
    settings: Settings
    """Those that hold for this model."""
    source: Source
    """Who named it: the operator, the folder of models, the hub's cache, or a request."""
    on_start: bool = False
    """Whether it is loaded with the server."""
    pin: bool = False
    """Whether it is never unloaded by itself."""
    facts: ModelFacts | None = None
    """``None``: it is not on this machine yet, or ``problem`` says why it cannot be read."""
    problem: str | None = None
    """In words for the operator: it may name paths."""
