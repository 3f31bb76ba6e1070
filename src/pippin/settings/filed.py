"""What a configuration file says, in Pippin's own settings, whatever its format."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pippin.settings.document import Node
from pippin.settings.words import nearest


@dataclass(frozen=True, slots=True)
class Placed:
    """A setting's value, not yet validated, and the line that gave it."""

    value: Any
    line: int


Section = dict[str, Placed]
"""Settings by name."""


@dataclass(slots=True)
class FiledModel:
    """The settings of one model, by the names of ``ModelSettings``."""

    line: int
    settings: Section = field(default_factory=dict)


@dataclass(slots=True)
class Filed:
    """One file. Filled by the reader of its format; problems are collected, all at once."""

    path: Path
    settings: Section = field(default_factory=dict)
    """By the names of ``Settings``, without the models."""
    models: list[FiledModel] | None = None
    """``None``: the file does not speak of models."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What has no effect, and why: no reason not to start."""

    def problem(self, line: int, words: str) -> None:
        """The file cannot be used."""
        self.problems.append(f"{self.path}:{line}: {words}")

    def note(self, line: int, words: str) -> None:
        """The file can be used, but says something in vain."""
        self.notes.append(f"{self.path}:{line}: {words}")

    def unknown(self, node: Node, where: str, name: str, known: Collection[str]) -> None:
        """``where``: whose it would be; with it comes the nearest name that there is."""
        place = f"{where}: " if where else ""
        self.problem(node.line, f"{place}there is no setting {name!r}{nearest(name, known)}")
