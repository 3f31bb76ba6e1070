"""A YAML or JSON file → plain values that know their lines.

YAML without what makes it dangerous or surprising: no tags, no names given twice, aliases only as
far as a bound goes, and the plain words of YAML 1.2 (``no`` and ``on`` are texts, ``012`` is
twelve).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from pippin.settings.errors import BadSettings

MAX_BYTES = 1024 * 1024
MAX_NODES = 20_000
"""Values of a file, those that aliases repeat counted again."""
MAX_DEPTH = 20
CORE = "tag:yaml.org,2002:"
KINDS = {CORE + kind for kind in ("null", "bool", "int", "float", "timestamp", "str", "value")}
MERGE = CORE + "merge"
INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    value: "Scalar | list[Node] | dict[str, Node]"
    line: int
    """Counted from 1; of a named value, its name's."""

    @property
    def members(self) -> "dict[str, Node]":
        """Of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """Of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {name: node.plain for name, node in self.value.items()}
        return [node.plain for node in self.value] if isinstance(self.value, list) else self.value


def read_document(path: Path) -> Node:
    """What a file holds.

    Raises:
        BadSettings: it cannot be read, is longer than a MiB, or is no YAML of this kind.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadSettings([f"{path} cannot be read: {error.strerror}"]) from error
    if len(data) > MAX_BYTES:
        raise BadSettings([f"{path} is longer than a MiB: it is no configuration"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadSettings([f"{path}:{line}: the file is not UTF-8"]) from error
    if path.suffix == ".json":  # where tabs may indent
        text = text.replace("\t", " ")
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> Node:
    try:
        root = yaml.compose(text, Loader=_Composer)
        return Node({}, 1) if root is None else _Reader().read(root)
    except _Wrong as wrong:
        raise BadSettings([f"{path}:{wrong.line}: {wrong}"]) from wrong
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise BadSettings([f"{path}:{line}: this is no YAML: {error.problem}"]) from error
    except yaml.YAMLError as error:
        raise BadSettings([f"{path} is no YAML: {error}"]) from error
    except RecursionError as error:
        raise BadSettings([f"{path} is nested too deeply"]) from error
    except (ValueError, OverflowError) as error:  # an escape of no character
        raise BadSettings([f"{path} is no YAML: {error}"]) from error


class _Wrong(Exception):
    """What a configuration may not have, and on which line."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


class _Composer(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Stops at once where a document has too much; composing is slow."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._composed = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._composed += 1
        if self._composed > MAX_NODES:
            raise _too_many(self.peek_event().start_mark.line + 1)
        return super().compose_node(parent, index)


class _Reader:
    """Reads one document, and counts what it reads."""

    def __init__(self) -> None:
        self._nodes = 0

    def read(self, node: Any, line: int | None = None, depth: int = 0) -> Node:
        here = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _too_many(here)
        if depth > MAX_DEPTH:
            raise _Wrong(here, f"it is nested more than {MAX_DEPTH} deep")
        line = line or here
        match node:
            case yaml.ScalarNode():
                return Node(_scalar(node, here), line)
            case yaml.SequenceNode(tag=tag) if tag == CORE + "seq":
                return Node([self.read(one, None, depth + 1) for one in node.value], line)
            case yaml.MappingNode(tag=tag) if tag == CORE + "map":
                return Node(self._members(node, depth), line)
        raise _tagged(here, node.tag)

    def _members(self, node: Any, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == MERGE:
                for one in self._merged(value, depth):
                    merged = one | merged
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise _Wrong(line, "a name must be a text")
            if key.tag not in KINDS:
                raise _tagged(line, key.tag)
            name = _text(key, line)
            if name in members:
                raise _Wrong(line, f"{name!r} is given twice; see line {members[name].line}")
            members[name] = self.read(value, line, depth + 1)
        return merged | members

    def _merged(self, value: Any, depth: int) -> Iterator[dict[str, Node]]:
        """What ``<<:`` takes over: a mapping, or several, of which the first wins."""
        several = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for one in several:
            if not isinstance(one, yaml.MappingNode):
                raise _Wrong(one.start_mark.line + 1, "<<: takes over mappings only")
            yield self.read(one, None, depth + 1).members


def _scalar(node: Any, line: int) -> Scalar:
    if node.tag not in KINDS:
        raise _tagged(line, node.tag)
    text = _text(node, line)
    if node.style is not None:  # in quotes, or a block
        return text
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else text


def _text(node: Any, line: int) -> str:
    text: str = node.value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _Wrong(line, "half a character: write it as itself, not by two escapes")
    return text


def _too_many(line: int) -> _Wrong:
    return _Wrong(line, f"there are more than {MAX_NODES} values, aliases included")


def _tagged(line: int, tag: str) -> _Wrong:
    return _Wrong(line, f"tags are not allowed here ({tag.removeprefix(CORE)[:40]})")
