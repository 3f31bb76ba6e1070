"""A JSON schema on its own."""

import json
from typing import Any

from pippin.core.constraint import JSONSchema
from pippin.engine.constraints.limits import MAX_ITEMS
from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.patterns.nodes import PatternRefused
from pippin.engine.constraints.schemas.document import Document
from pippin.engine.constraints.schemas.expansion import Expansion
from pippin.engine.constraints.schemas.reading import read
from pippin.engine.constraints.schemas.refusal import NotEnforced, SchemaRefused
from pippin.engine.constraints.schemas.whitespace import A_LITTLE, whitespace_pattern
from pippin.engine.constraints.schemas.writer import Writer, jsonable
from pippin.engine.constraints.source import Source
from pippin.errors import InvalidRequest

MAX_LOOSENED = 50
"""Keywords of one schema that are left out because they cannot be enforced."""
NOT_ALWAYS_STRICT = ("tools", "response_format")
"""Fields whose schemas have a ``strict`` beside them."""


def schema_source(constraint: JSONSchema) -> Source:
    """As ``json_expression``. Raises ``InvalidRequest``, also for the pattern of whitespace."""
    try:
        whitespace = whitespace_pattern(constraint.whitespace)
    except PatternRefused as refused:
        param = constraint.whitespace_param
        raise InvalidRequest(f"{param} cannot be used: {refused}.", param) from None
    schema = constraint.schema if constraint.exact else loosened(constraint.schema)
    expression = json_expression(
        schema,
        constraint.param,
        whitespace=whitespace,
        closed=constraint.closed,
    )
    return Source(f"start: {expression}\n", written_from=len(constraint.schema))


def json_expression(
    schema: str, param: str, *, whitespace: str | None = None, closed: bool = False
) -> str:
    """A value that is valid under the schema, and no other, as an expression of a grammar.

    Members stand in the order of ``properties``; numbers, texts and whitespace are written in the
    usual ways only; ``closed`` is as of ``JSONSchema``. ``whitespace``: between tokens, in Rust's
    syntax; empty: none. Raises ``InvalidRequest``: the schema is wrong, or says something that
    cannot be enforced exactly; the error names the keyword and its place.
    """
    try:
        plain = plain_schema(schema, closed=closed)
    except SchemaRefused as refused:
        place = "" if refused.where == "#" else f" at {refused.where}"
        loosely = isinstance(refused, NotEnforced) and param.startswith(NOT_ALWAYS_STRICT)
        mend = " With strict false all the rest is enforced." if loosely else ""
        raise InvalidRequest(
            f"{param} has a schema that cannot be enforced{place}: {refused.why}.{mend}", param
        ) from None
    spaces = A_LITTLE if whitespace is None else whitespace
    options: dict[str, object] = {"whitespace_pattern": spaces}
    if not spaces:
        options = {"whitespace_flexible": False}
    plain["x-guidance"] = options | plain.get("x-guidance", {})
    return "%json " + json.dumps(plain, default=jsonable)


def loosened(schema: str) -> str:
    """The schema without the keywords that are right and cannot be enforced. What is wrong with it
    stays wrong."""
    for _ in range(MAX_LOOSENED):
        try:
            plain_schema(schema, closed=False)
        except NotEnforced as refused:
            schema = _without(schema, refused.where)
        except SchemaRefused:
            break
        else:
            break
    return schema


def _without(schema: str, where: str) -> str:
    """``where``: a pointer to a keyword."""
    root = json.loads(schema)
    *path, keyword = [part.replace("~1", "/").replace("~0", "~") for part in where.split("/")[1:]]
    node = root
    for part in path:
        node = node[int(part)] if isinstance(node, list) else node[part]
    del node[keyword]
    return json.dumps(root)


def plain_schema(text: str, *, closed: bool) -> dict[str, Any]:
    """The schema in the few words that the grammar engine enforces. Raises ``SchemaRefused``."""
    root = read(text)
    _check_size(root)
    closed = closed and not _speaks_of_others(root)
    if closed and isinstance(root, dict) and root.get("properties") == {}:
        root = {"additionalProperties": False, **root}  # of members it lists none
    matcher = PatternMatcher()
    document = Document(root)
    expansion = Expansion(document, matcher)
    start = expansion.state_of(document.at(()))
    return Writer(expansion.forms, matcher, closed=closed).write(start)


def _speaks_of_others(root: object) -> bool:
    """Whether any object says itself that it may have members that are not listed."""
    todo = [root]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if value.get("additionalProperties", False) in (True, {}):
                return True
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return False


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
