"""A schema's text, the places in it that are schemas, and what its references mean.

References are to places of the schema itself; nothing is ever fetched.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from pippin.engine.constraints.schemas.refusal import SchemaRefused

MAX_POSITIONS = 20_000

DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}

_ONE: tuple[str, ...] = ("additionalItems", "additionalProperties", "contains", "else", "if")
_ONE += ("items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_MAPS: tuple[str, ...] = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_MAPS += ("$defs", "definitions")

_SINCE = dict.fromkeys(("const", "contains", "propertyNames"), 6)
_SINCE |= dict.fromkeys(("if", "then", "else"), 7)
_SINCE |= dict.fromkeys(("dependentRequired", "dependentSchemas", "unevaluatedItems"), 2019)
_SINCE |= dict.fromkeys(("unevaluatedProperties", "minContains", "maxContains"), 2019)
_SINCE |= dict.fromkeys(("prefixItems", "$dynamicRef"), 2020)
"""Since which draft a keyword means something."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """A place of the document that is a schema."""

    path: Path
    node: Any
    base: str
    """The address that its references begin from; the document's own is empty."""

    @property
    def where(self) -> str:
        """As a JSON pointer, for people."""
        return pointer(self.path)


def pointer(path: Path) -> str:
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


class Document:
    """One schema. Not shared between threads."""

    def __init__(self, root: Any) -> None:
        """Raises ``SchemaRefused``."""
        self._root = root
        self._positions: dict[Path, Position] = {}
        self._resources: dict[str, Path] = {"": ()}
        self._anchors: dict[tuple[str, str], Path] = {}
        self._dynamic: dict[str, list[Path]] = {}
        self.draft = _draft(root)
        self._visit(root, (), "")

    def at(self, path: Path) -> Position:
        return self._positions[path]

    def child(self, position: Position, *parts: str) -> Position:
        """The schema below another one."""
        return self._positions[position.path + parts]

    def target(self, position: Position, keyword: str) -> Position:
        """What the reference under ``keyword`` means. Raises ``SchemaRefused``."""
        reference = position.node[keyword]
        where = pointer((*position.path, keyword))
        if not isinstance(reference, str):
            raise SchemaRefused("it has to be a text", where)
        found = self._find(position.base, reference)
        if found is None:
            raise SchemaRefused(
                f"{reference[:200]!r} is not in this schema, and nothing is fetched; put it into "
                "$defs",
                where,
            )
        if keyword == "$dynamicRef":
            self._check_static(reference, found, where)
        if found not in self._positions:
            self._visit(self._value(found), found, self._base_of(found))
        return self._positions[found]

    def _check_static(self, reference: str, found: Path, where: str) -> None:
        name = urldefrag(reference)[1]
        named = self._dynamic.get(name, [])
        if found in named and len(named) > 1:
            raise SchemaRefused(f"there is more than one $dynamicAnchor {name!r}", where)

    def _find(self, base: str, reference: str) -> Path | None:
        if reference.startswith("#"):
            address, fragment = base, reference[1:]
        else:
            address, fragment = urldefrag(_join(base, reference))
        resource = self._resources.get(address)
        if resource is None:
            return None
        fragment = unquote(fragment)
        if not fragment:
            return resource
        if not fragment.startswith("/"):
            return self._anchors.get((address, fragment))
        parts = fragment[1:].split("/")
        path = resource + tuple(p.replace("~1", "/").replace("~0", "~") for p in parts)
        return path if _exists(self._root, path) else None

    def _value(self, path: Path) -> Any:
        value = self._root
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[part]
        return value

    def _base_of(self, path: Path) -> str:
        for end in range(len(path), -1, -1):
            if path[:end] in self._positions:
                return self._positions[path[:end]].base
        return ""

    def _visit(self, node: Any, path: Path, base: str) -> None:
        if len(self._positions) >= MAX_POSITIONS:
            raise SchemaRefused(f"it has more than {MAX_POSITIONS} parts", "#")
        if isinstance(node, dict):
            base = self._enter(node, path, base)
            node = {k: v for k, v in node.items() if self._says_something(k, v)}
        elif not isinstance(node, bool):
            raise SchemaRefused("a schema has to be an object, true or false", pointer(path))
        self._positions[path] = Position(path, node, base)
        if isinstance(node, dict):
            for parts, below in _subschemas(node):
                self._visit(below, path + parts, base)

    def _says_something(self, keyword: str, value: Any) -> bool:
        """Some programs write each keyword that they know, with null where it is not meant."""
        return self.draft >= _SINCE.get(keyword, 4) and (value is not None or keyword == "const")

    def _enter(self, node: dict[str, Any], path: Path, base: str) -> str:
        if path and node.get("$schema") is not None and _draft(node) != self.draft:
            raise SchemaRefused("a part in another draft cannot be enforced", pointer(path))
        if self.draft <= 7 and "$ref" in node:
            return base
        name = node.get("id" if self.draft == 4 else "$id")
        if isinstance(name, str):
            address, fragment = urldefrag(_join(base, name))
            if fragment and self.draft <= 7:
                self._anchors[address if name[0] != "#" else base, fragment] = path
            if not name.startswith("#"):
                base = address
                self._resources.setdefault(base, path)
        for keyword in ("$anchor", "$dynamicAnchor"):
            anchor = node.get(keyword)
            if isinstance(anchor, str):
                self._anchors.setdefault((base, anchor), path)
                if keyword == "$dynamicAnchor":
                    self._dynamic.setdefault(anchor, []).append(path)
        return base


def _join(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _draft(root: Any) -> int:
    if not isinstance(root, dict) or root.get("$schema") is None:
        return 2020
    name = root["$schema"]
    draft = DRAFTS.get(name.rstrip("#")) if isinstance(name, str) else None
    if draft is None:
        raise SchemaRefused("it is none of the drafts 4, 6, 7, 2019-09 and 2020-12", "#/$schema")
    return draft


def _subschemas(node: dict[str, Any]) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = []
    for keyword, value in node.items():
        if keyword in _LISTS and isinstance(value, list):
            found += [((keyword, str(i)), below) for i, below in enumerate(value)]
        elif keyword in _MAPS and isinstance(value, dict):
            found += [
                ((keyword, name), below)
                for name, below in value.items()
                if not (keyword == "dependencies" and isinstance(below, list))
            ]
        elif keyword in _ONE:
            found.append(((keyword,), value))
    return found


def _exists(root: Any, path: Path) -> bool:
    value = root
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False
    return True
