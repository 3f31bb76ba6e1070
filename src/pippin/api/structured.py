"""The form that an answer must have, as clients ask for it → ``core.constraint.Constraint``.

Three dialects say the same: OpenAI's ``response_format``, the ``guided_*`` fields of MLX-Textgen
and older vLLM, and vLLM's ``structured_outputs``. A request may use one form of one of them.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import BeforeValidator, Discriminator, Field, Tag

from pippin.api.fields import at_most
from pippin.api.schemas import Schema, SchemaOrText, as_text, check_size
from pippin.api.validation import TAG_PREFIX, Body, disagreement
from pippin.core.constraint import (
    MAX_CONSTRAINT_CHARS,
    Choice,
    Constraint,
    Grammar,
    JSONSchema,
    Regex,
)

MAX_OPTIONS = 10_000
MAX_WHITESPACE_CHARS = 256
ANY_OBJECT = '{"type":"object"}'
OUTPUTS = "json, regex, choice, grammar and json_object"
"""The forms of ``structured_outputs``."""

Pattern = Annotated[str, Field(min_length=1, max_length=MAX_CONSTRAINT_CHARS)]
Options = Annotated[
    list[Annotated[str, Field(min_length=1)]],
    Field(min_length=1, fail_fast=True),
    BeforeValidator(check_size),
    at_most(MAX_OPTIONS),
]
Whitespace = Annotated[str, Field(max_length=MAX_WHITESPACE_CHARS)]


class TextFormat(Body):
    type: Literal["text"]


class ObjectFormat(Body):
    type: Literal["json_object"]


class NamedSchema(Body):
    """OpenAI's ``json_schema`` of a ``response_format``."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    """Checked for form, then without effect."""
    description: str | None = None
    """Without effect: a model is told of the schema by the messages alone."""
    schema_: Schema | None = Field(default=None, alias="schema")
    """What the answer must be valid under. Not given: any object."""
    strict: bool | None = None
    """``false``: keywords that cannot be enforced are left out. Otherwise they are refused; all
    others are enforced always."""


class SchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: NamedSchema


FORMATS = ("text", "json_object", "json_schema")


def _format_of(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    return TAG_PREFIX + kind if isinstance(kind, str) and kind in FORMATS else None


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag(f"{TAG_PREFIX}text")]
    | Annotated[ObjectFormat, Tag(f"{TAG_PREFIX}json_object")]
    | Annotated[SchemaFormat, Tag(f"{TAG_PREFIX}json_schema")],
    Discriminator(
        _format_of,
        custom_error_type="pippin_format",
        custom_error_message="must be an object whose type is 'text', 'json_object' or "
        "'json_schema'.",
    ),
]


class StructuredOutputs(Body):
    """vLLM's ``structured_outputs``: one form, and how JSON may be spaced."""

    refused: ClassVar[dict[str, tuple[object, ...]]] = {
        "structural_tag": (),
        "disable_any_whitespace": (False,),
        "disable_additional_properties": (False,),
    }

    json_: SchemaOrText | None = Field(default=None, alias="json")
    """A JSON schema, as an object or as JSON text."""
    regex: Pattern | None = None
    choice: Options | None = None
    grammar: Pattern | None = None
    json_object: bool | None = None
    """Any JSON object."""
    whitespace_pattern: Whitespace | None = None
    """A regex of what may stand between JSON's tokens; empty: nothing."""


class ConstraintFields(Body):
    """The fields of a generation body that ask for a form of the answer."""

    response_format: ResponseFormat | None = None
    """OpenAI's: text, any JSON object, or JSON that is valid under a schema."""
    guided_json: SchemaOrText | None = None
    """The answer is valid under this JSON schema: an object, or JSON text."""
    guided_choice: Options | None = None
    """The answer is one of these texts."""
    guided_regex: Pattern | None = None
    """The answer as a whole matches this regular expression."""
    guided_grammar: Pattern | None = None
    """The answer is a text of this context-free grammar, in Lark's notation or as GBNF."""
    guided_whitespace_pattern: Whitespace | None = None
    """A regex of what may stand between JSON's tokens; empty: nothing. For schemas only."""
    structured_outputs: StructuredOutputs | None = None
    """vLLM's newer form of the same."""

    @property
    def constraint(self) -> Constraint | None:
        """The one form that is asked for; ``None``: any text will do."""
        forms = self._forms()
        if not forms:
            return None
        form, spaces = forms[0], self._whitespace()
        if isinstance(form, JSONSchema) and spaces:
            param, pattern = spaces[0]
            return msgspec.structs.replace(form, whitespace=pattern, whitespace_param=param)
        return form

    def check_agreement(self) -> None:
        super().check_agreement()
        forms, spaces = self._forms(), self._whitespace()
        if len(forms) > 1:
            first, second = forms[0].param, forms[1].param
            raise disagreement(
                second, f"{first} and {second} each ask for a form of the answer; give one."
            )
        if self.structured_outputs is not None and not _of_outputs(self.structured_outputs):
            raise disagreement("structured_outputs", f"structured_outputs needs one of {OUTPUTS}.")
        if len(spaces) > 1:
            first, second = spaces[0][0], spaces[1][0]
            raise disagreement(second, f"{first} and {second} are the same; give one.")
        if spaces and not (forms and isinstance(forms[0], JSONSchema)):
            param = spaces[0][0]
            raise disagreement(param, f"{param} needs a JSON schema.")

    def _forms(self) -> list[Constraint]:
        return [
            *_of_format(self.response_format),
            *_of_guided(self),
            *(_of_outputs(self.structured_outputs) if self.structured_outputs else ()),
        ]

    def _whitespace(self) -> list[tuple[str, str]]:
        """Each pattern of spaces that was given, after the path of its field."""
        outputs = self.structured_outputs
        given = {
            "guided_whitespace_pattern": self.guided_whitespace_pattern,
            "structured_outputs.whitespace_pattern": outputs.whitespace_pattern
            if outputs
            else None,
        }
        return [(param, pattern) for param, pattern in given.items() if pattern is not None]


def _of_format(form: TextFormat | ObjectFormat | SchemaFormat | None) -> Iterator[Constraint]:
    if isinstance(form, ObjectFormat):
        yield JSONSchema(closed=True, schema=ANY_OBJECT, param="response_format")
    elif isinstance(form, SchemaFormat):
        schema = form.json_schema.schema_
        text = ANY_OBJECT if schema is None else as_text(schema)
        exact = form.json_schema.strict is not False
        param = "response_format.json_schema.schema"
        yield JSONSchema(closed=True, schema=text, exact=exact, param=param)


def _of_guided(fields: ConstraintFields) -> Iterator[Constraint]:
    if fields.guided_json is not None:
        yield JSONSchema(closed=True, schema=as_text(fields.guided_json), param="guided_json")
    if fields.guided_choice is not None:
        yield Choice(options=tuple(fields.guided_choice), param="guided_choice")
    if fields.guided_regex is not None:
        yield Regex(pattern=fields.guided_regex, param="guided_regex")
    if fields.guided_grammar is not None:
        yield Grammar(text=fields.guided_grammar, param="guided_grammar")


def _of_outputs(outputs: StructuredOutputs) -> list[Constraint]:
    param = "structured_outputs."
    forms: list[Constraint] = []
    if outputs.json_ is not None:
        forms.append(JSONSchema(closed=True, schema=as_text(outputs.json_), param=param + "json"))
    if outputs.regex is not None:
        forms.append(Regex(pattern=outputs.regex, param=param + "regex"))
    if outputs.choice is not None:
        forms.append(Choice(options=tuple(outputs.choice), param=param + "choice"))
    if outputs.grammar is not None:
        forms.append(Grammar(text=outputs.grammar, param=param + "grammar"))
    if outputs.json_object:
        forms.append(JSONSchema(closed=True, schema=ANY_OBJECT, param=param + "json_object"))
    return forms
