"""Arguments that are written one by one, each in the way of its type.

Strings stand as they are, up to a mark; everything else is JSON. Which of both a text is says the
schema of its parameter.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from pippin.core.tools import Tool
from pippin.output.families.json_text import JSONText

KINDS = frozenset({"string", "integer", "number", "boolean", "null", "object", "array"})
ASSERTIONS = frozenset(
    {
        *("type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum"),
        *("exclusiveMinimum", "maxLength", "minLength", "pattern", "items", "prefixItems"),
        *("additionalItems", "unevaluatedItems", "contains", "minContains", "maxContains"),
        *("maxItems", "minItems", "uniqueItems", "properties", "patternProperties"),
        *("additionalProperties", "unevaluatedProperties", "propertyNames", "maxProperties"),
        *("minProperties", "required", "dependentRequired", "dependentSchemas", "dependencies"),
        *("anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref", "$dynamicRef"),
    }
)
"""Words of a schema that make a value valid or not (JSON Schema 2020-12, and older drafts)."""
_WHOLE_SCHEMA = "arguments"
"""Where, in the schema of one parameter, the schema of all of them is kept for reference."""
OPENED = {"{": "object", "[": "array", '"': "string"}
"""Which JSON values show where they end."""
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_WHOLE = re.compile(r"-?\d+(\.0+)?")
_MAX_REFERENCES = 32
_LENGTHS = frozenset({"type", "minLength", "maxLength"})


@dataclass(frozen=True, slots=True)
class ValueForm:
    """How the value of one parameter may be written."""

    schema: dict[str, Any]
    """The parameter's own, whole: with what it refers to."""
    kinds: frozenset[str]
    """The JSON types that it may have."""
    texts: dict[str, str] | None = None
    """Where only these values are allowed: how each is written → its JSON text."""
    lengths: tuple[int, int | None] = (0, None)
    """Of a string, in characters."""
    quoted: bool = False
    """Whether a grammar can promise the schema only if strings are written as JSON, too."""
    target: dict[str, Any] = field(default_factory=dict)
    """What the schema comes to, references followed; those in it lead into the whole schema."""

    def streams(self, *, enforced: bool) -> bool:
        """Whether each character of the text is one of a string."""
        return self.kinds == {"string"} and not (enforced and (self.quoted or self.texts))

    def closed(self, *, enforced: bool) -> bool:
        """Whether the text is JSON for sure, and may contain the mark that ends it."""
        if self.texts:
            return False
        return "string" not in self.kinds or (enforced and self.quoted)

    def convert(self, text: str, *, enforced: bool) -> str | None:
        """The text's value as JSON; ``None`` if it has no value of these kinds."""
        if self.texts and (known := self.texts.get(text) or self.texts.get(text.strip())):
            return known
        if self.streams(enforced=enforced):
            return quote(text)
        bare = text.strip()
        bare = _PYTHON_WORDS.get(bare, bare)
        kind = kind_of(bare)
        if enforced and self.quoted:
            return bare if kind else None
        if kind in self.kinds and kind != "string":
            return bare
        return quote(text) if "string" in self.kinds else None


ANYTHING = ValueForm({}, KINDS)
STRING = ValueForm({"type": "string"}, frozenset({"string"}))


def quote(text: str) -> str:
    """A string as JSON."""
    return _json(text)


def escaped(text: str) -> str:
    """A piece of a string, within JSON's quotes."""
    return quote(text)[1:-1]


def kind_of(text: str) -> str | None:
    """The type of a JSON text without space around it; a whole number is an integer, and so
    ``None`` for what is not JSON."""
    value = JSONText()
    if value.add(text) < len(text) or not value.finish():
        return None
    if text[0] in "-0123456789":
        return "integer" if _WHOLE.fullmatch(text) else "number"
    return {**OPENED, "n": "null"}.get(text[0], "boolean")


def value_forms(tool: Tool) -> dict[str, ValueForm]:
    """The form of each parameter that the tool's schema names, in its order."""
    root = resolve(tool.parameters, tool.parameters)
    properties = root.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {str(key): value_form(schema, tool.parameters) for key, schema in properties.items()}


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema that a chain of references within ``root`` leads to, each maybe the only part of
    an ``allOf``; what is no schema allows everything. A reference that leads nowhere stays."""
    for _ in range(_MAX_REFERENCES):
        if not isinstance(schema, dict):
            return {}
        words = schema.keys() & ASSERTIONS
        parts = schema.get("allOf")
        if words == {"$ref"}:
            target = _follow(schema["$ref"], root)
            if target is None:
                return schema
            schema = target
        elif words == {"allOf"} and isinstance(parts, list) and len(parts) == 1:
            schema = parts[0]
        else:
            return schema
    return {}


def required_names(schema: dict[str, Any]) -> set[str]:
    """The members that an object must have."""
    names = schema.get("required")
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _follow(reference: Any, root: Any) -> Any:
    """What a JSON pointer leads to; ``None``: it is none, or leads nowhere."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    for part in unquote(reference[1:]).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list):
            root = root[int(name)] if name.isdecimal() and int(name) < len(root) else None
        else:
            root = root.get(name) if isinstance(root, dict) else None
    return root


def _on_its_own(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """A part of a schema as one that means the same alone."""
    whole = dict(schema) if isinstance(schema, dict) else {}
    if '"$ref"' in _json(schema):
        kept = {word: part for word, part in root.items() if word not in ("$schema", "$id", "id")}
        whole = _referring(whole)
        whole["$defs"] = {**whole.get("$defs", {}), _WHOLE_SCHEMA: _referring(kept)}
    return {"$schema": root["$schema"], **whole} if "$schema" in root else whole


def _referring(value: Any) -> Any:
    """The same, with references to where the whole schema is kept."""
    if isinstance(value, list):
        return [_referring(item) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {word: _referring(part) for word, part in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        moved["$ref"] = f"#/$defs/{_WHOLE_SCHEMA}{reference[1:]}"
    return moved


def value_form(schema: Any, root: dict[str, Any]) -> ValueForm:
    """The form of a value of this schema, whose references lead into ``root``."""
    target = resolve(schema, root)
    form = ValueForm(_on_its_own(schema, root), _kinds(target, root, 0), target=target)
    values = _values(target, root, 0)
    if values is not None:
        return replace(form, texts={_written(value): _json(value) for value in values})
    if form.kinds == {"string"} and target.keys() & ASSERTIONS <= _LENGTHS:
        least, most = target.get("minLength", 0), target.get("maxLength")
        if _is_count(least) and (most is None or _is_count(most)):
            return replace(form, lengths=(least, most))
    return replace(form, quoted="string" in form.kinds and not _free(target, root, 0))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _kinds(schema: dict[str, Any], root: dict[str, Any], depth: int) -> frozenset[str]:
    """The types that values of the schema may have, at most."""
    if depth > _MAX_REFERENCES:
        return KINDS
    kinds = KINDS
    named = schema.get("type")
    if isinstance(named, (str, list)):
        listed = [named] if isinstance(named, str) else named
        names = {name for name in listed if isinstance(name, str)}
        kinds &= names | ({"integer"} if "number" in names else set())
    if (values := _listed(schema)) is not None:
        kinds &= {kind_of(_json(value)) or "" for value in values}
    for word in ("anyOf", "oneOf"):
        if branches := _branches(schema, word, root):
            kinds &= frozenset().union(*(_kinds(b, root, depth + 1) for b in branches))
    for branch in _branches(schema, "allOf", root):
        kinds &= _kinds(branch, root, depth + 1)
    return kinds


def _branches(schema: dict[str, Any], word: str, root: dict[str, Any]) -> list[dict[str, Any]]:
    branches = schema.get(word)
    return [resolve(b, root) for b in branches] if isinstance(branches, list) else []


def _listed(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _values(schema: dict[str, Any], root: dict[str, Any], depth: int) -> list[Any] | None:
    """All values of the schema, where they are few and named."""
    words = schema.keys() & ASSERTIONS
    listed = _listed(schema)
    if listed is not None and words <= {"enum", "const", "type"}:
        kinds = _kinds(schema, root, depth)
        return [value for value in listed if kind_of(_json(value)) in kinds]
    if words == {"type"} and schema["type"] in ("null", "boolean"):
        return [None] if schema["type"] == "null" else [True, False]
    if words == {"anyOf"} and depth < _MAX_REFERENCES:
        parts = [_values(b, root, depth + 1) for b in _branches(schema, "anyOf", root)]
        known = [part for part in parts if part is not None]
        if parts and len(known) == len(parts):
            return [value for part in known for value in part]
    return None


def _free(schema: dict[str, Any], root: dict[str, Any], depth: int) -> bool:
    """Whether every value of the schema's types is valid."""
    words = schema.keys() & ASSERTIONS
    if words == {"anyOf"} and depth < _MAX_REFERENCES:
        return all(_free(b, root, depth + 1) for b in _branches(schema, "anyOf", root))
    return words <= {"type"}
