"""A JSON schema on its own."""

import json
from typing import Any

from pippin.core.constraint import JSONSchema
from pippin.engine.constraints.limits import MAX_ITEMS
from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.document import Document
from pippin.engine.constraints.schemas.expansion import Expansion
from pippin.engine.constraints.schemas.reading import read
from pippin.engine.constraints.schemas.refusal import SchemaRefused
from pippin.engine.constraints.schemas.whitespace import whitespace_pattern
from pippin.engine.constraints.schemas.writer import Writer, jsonable
from pippin.engine.constraints.source import Source
from pippin.errors import InvalidRequest


def schema_source(constraint: JSONSchema) -> Source:
    """As ``json_expression``."""
    expression = json_expression(constraint.schema, constraint.param, constraint.whitespace)
    return Source(f"start: {expression}\n", written_from=len(constraint.schema))


def json_expression(schema: str, param: str, whitespace: str | None = None) -> str:
    """A value that is valid under the schema, and no other, as an expression of a grammar.

    Members stand in the order of ``properties``; numbers, texts and whitespace are written in the
    usual ways only. Raises ``InvalidRequest``: the schema is wrong, or says something that cannot
    be enforced exactly; the error names the keyword and its place.
    """
    try:
        plain = plain_schema(schema)
        spaces = whitespace_pattern(whitespace)
    except SchemaRefused as refused:
        place = "" if refused.where == "#" else f" at {refused.where}"
        raise InvalidRequest(
            f"{param} has a schema that cannot be enforced{place}: {refused.why}.", param
        ) from None
    options: dict[str, object] = {"whitespace_pattern": spaces}
    if not spaces:
        options = {"whitespace_flexible": False}
    plain["x-guidance"] = options | plain.get("x-guidance", {})
    return "%json " + json.dumps(plain, default=jsonable)


def plain_schema(text: str) -> dict[str, Any]:
    """The schema in the few words that the grammar engine enforces. Raises ``SchemaRefused``."""
    root = read(text)
    _check_size(root)
    matcher = PatternMatcher()
    document = Document(root)
    expansion = Expansion(document, matcher)
    start = expansion.state_of(document.at(()))
    return Writer(expansion.forms, matcher).write(start)


def _check_size(root: object) -> None:
    todo, items = [root], 0
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            items += len(value)
            todo += value
            if items > MAX_ITEMS:
                raise SchemaRefused(f"it has more than {MAX_ITEMS} values and members", "#")
