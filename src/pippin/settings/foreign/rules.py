"""What becomes of a key of another server's configuration: a closed union of rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pippin.settings.document import Node
from pippin.settings.filed import Filed, Placed, Section


def as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Becomes:
    """It is a setting here, too."""

    setting: str
    convert: Callable[[Any], Any] = as_it_is
    """Into a value that the setting understands; of any value, since none was checked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It would change what is answered, and cannot be done."""

    why: str
    """And what to do instead."""
    unless: tuple[Any, ...] = ()
    """Values that ask for nothing."""


@dataclass(frozen=True, slots=True)
class Vain:
    """It has no effect here, and needs none."""

    why: str
    unless: tuple[Any, ...] = ()
    """Values that are not worth a note."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The reader of the format sees to it."""


Rule = Becomes | Refused | Vain | Apart


def translate(
    members: Mapping[str, Node], rules: Mapping[str, Rule], where: str, filed: Filed, into: Section
) -> None:
    """Every key by its rule. A key without a rule is a problem; ``null`` means: not given."""
    place = f"{where}: " if where else ""
    for name, node in members.items():
        if name not in rules:
            filed.unknown(node, where, name, rules)
            continue
        value = node.plain
        if value is None:
            continue
        match rules[name]:
            case Becomes(setting, convert):
                into[setting] = Placed(convert(value), node.line)
            case Refused(why, unless):
                if not _is_one_of(value, unless):
                    filed.problem(node.line, f"{place}{name!r} cannot be used: {why}")
            case Vain(why, unless):
                if not _is_one_of(value, unless):
                    filed.note(node.line, f"{place}{name!r} has no effect: {why}")
            case Apart():
                pass


def _is_one_of(value: Any, values: tuple[Any, ...]) -> bool:
    """Not by ``in``: 1 is not True."""
    return any(type(value) is type(one) and value == one for one in values)
