"""The form that an answer must have: a closed union. What a worker cannot enforce it refuses.

Every kind carries ``param``, the request's field that it came from, so that an error can name it.
"""

import msgspec

MAX_CONSTRAINT_CHARS = 256 * 1024
"""Of a schema, pattern, grammar, or all choices together."""
MAX_SCHEMA_DEPTH = 64
"""Objects and lists in one another, of a schema's own text."""


class JSONSchema(msgspec.Struct, frozen=True, kw_only=True, tag="json_schema"):
    """A JSON value that is valid under a schema."""

    schema: str
    """As JSON text."""
    whitespace: str | None = None
    """A regex of what may stand between JSON's tokens; ``None``: a little; empty: nothing."""
    whitespace_param: str = "guided_whitespace_pattern"
    closed: bool = False
    """Objects that list their members have no others, unless the schema speaks of others itself."""
    exact: bool = True
    """``False``: what cannot be enforced of the schema is left out, all the rest is."""
    param: str = "response_format"


class Choice(msgspec.Struct, frozen=True, kw_only=True, tag="choice"):
    """One of these texts."""

    options: tuple[str, ...]
    param: str = "guided_choice"


class Regex(msgspec.Struct, frozen=True, kw_only=True, tag="regex"):
    """A text that the pattern matches as a whole."""

    pattern: str
    param: str = "guided_regex"


class Grammar(msgspec.Struct, frozen=True, kw_only=True, tag="grammar"):
    """A text of a context-free grammar, written for Lark or as GBNF."""

    text: str
    param: str = "guided_grammar"


Constraint = JSONSchema | Choice | Regex | Grammar
