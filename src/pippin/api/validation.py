"""A parsed body → a valid pydantic model, or the first thing that is wrong with it, in words."""

import functools
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from pippin.errors import InvalidRequest, PippinError, UnknownParameter, UnsupportedParameter

UNSUPPORTED = "pippin_unsupported"
"""The pydantic error type of what is known and refused."""

TAG_PREFIX = "\x00"
"""Union tags begin so, and are no part of a field's path."""
KEY_STEP = "[key]"
"""pydantic's last step of a path where not an entry's value is wrong, but its name."""

MAX_KEYS = 256
"""Names in one object of a body; more are refused before they are looked at."""

MAX_PATH_CHARS = 200

Model = TypeVar("Model", bound="Body")


class Body(BaseModel):
    """Base of every object in a request body.

    Strict: no field that is not listed, no boolean for a number, no string for anything else,
    no whole-valued float (``1.0``) for an integer. ``null`` means "not given".
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    refused: ClassVar[dict[str, tuple[object, ...]]] = {}
    """Fields that are known and not supported, with the values that ask for nothing."""

    @model_validator(mode="before")
    @classmethod
    def _drop_what_asks_for_nothing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if len(data) > MAX_KEYS:
            raise PydanticCustomError("pippin_too_long", f"must have at most {MAX_KEYS} names.")
        return {name: value for name, value in data.items() if cls._asks(name, value)}

    @classmethod
    def _asks(cls, name: str, value: object) -> bool:
        if name in cls.refused:
            if value is not None and not any(_same(value, calm) for calm in cls.refused[name]):
                raise PydanticCustomError(UNSUPPORTED, "{field}", {"field": name})
            return False
        return value is not None or name not in cls.model_fields

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        self.check_agreement()
        return self

    def check_agreement(self) -> None:
        """Rules that bind several fields. Raise with ``disagreement``."""


def disagreement(param: str, message: str) -> PydanticCustomError:
    """An error of several fields together; ``param`` is the one to change."""
    return PydanticCustomError(
        "pippin_disagreement", "{message}", {"param": param, "message": message}
    )


def unsupported_part(message: str) -> PydanticCustomError:
    """Something known that this server or model does not take, at the place being validated."""
    return PydanticCustomError(UNSUPPORTED, "{message}", {"message": message})


def validated(model: type[Model], data: dict[str, Any]) -> Model:
    """The valid form of a body.

    Raises:
        InvalidRequest: or one of its kinds, for the first problem only; ``param`` is its path.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _in_words(model, error.errors(include_url=False, include_input=False)[0]) from None


def _in_words(model: type[Body], problem: ErrorDetails) -> PippinError:
    """pydantic's word for a problem → ours."""
    loc, kind, context = problem["loc"], problem["type"], problem.get("ctx", {})
    path = _path(loc)
    if kind == "extra_forbidden":
        path = _joined(_path(loc[:-1]), _shown(str(loc[-1])))
        return UnknownParameter(f"There is no parameter '{path}'.", path)
    if kind == UNSUPPORTED:
        return _unsupported(path, context)
    if kind == "pippin_disagreement":
        return InvalidRequest(context["message"], _joined(path, context["param"]))
    return InvalidRequest(f"{path or 'The body'} {_rule(model, problem)}", path or None)


def _unsupported(path: str, context: dict[str, Any]) -> PippinError:
    if "field" in context:
        path = _joined(path, context["field"])
        return UnsupportedParameter(f"{path} is not supported.", path)
    return UnsupportedParameter(f"{path}: {context['message']}", path)


def _rule(model: type[Body], problem: ErrorDetails) -> str:
    """What the value should have been, for a sentence that begins with the field's path."""
    if problem["type"].startswith("pippin_"):
        return problem["msg"]
    if problem["type"] == "missing":
        return "is required."
    if problem["loc"][-1:] == (KEY_STEP,):
        return "has a name that is not allowed: it is too long or empty."
    expected = expectation(schema_at(json_schema(model), problem["loc"]))
    return f"must be {expected or _by_kind(problem)}."


def _by_kind(problem: ErrorDetails) -> str:
    """Where the schema is a union: what pydantic's kind of error says."""
    words = KINDS.get(problem["type"])
    return "of another kind or size" if words is None else words.format(**problem.get("ctx", {}))


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step.startswith(TAG_PREFIX) and step != KEY_STEP:
            path = _joined(path, step)
    return _shown(path)


def _shown(text: str) -> str:
    """A client's own words, fit for a message: escaped and short."""
    return ascii(text[:MAX_PATH_CHARS])[1:-1]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _same(value: object, calm: object) -> bool:
    """Equality that keeps booleans and numbers apart."""
    return type(value) is type(calm) and value == calm


@functools.cache
def json_schema(model: type[Body]) -> dict[str, Any]:
    return model.model_json_schema()


def schema_at(root: dict[str, Any], loc: tuple[int | str, ...]) -> dict[str, Any]:
    """The part of a schema that describes one place; ``{}`` where that is not clear."""
    schema = _resolved(root, root)
    for step in loc:
        if isinstance(step, int):
            schema = schema.get("items", {})
        elif not step.startswith(TAG_PREFIX):
            schema = schema.get("properties", {}).get(step, {})
        schema = _resolved(root, schema)
    return schema


def _resolved(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            real = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
            if len(real) != 1:
                return schema
            schema = real[0]
        else:
            return schema


KINDS = {
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "literal_error": "one of {expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_pattern_mismatch": "of the form {pattern}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
}
NOUNS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "a string",
    "array": "a list",
    "object": "an object",
}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters long",
    "maxLength": "at most {} characters long",
    "minItems": "at least {} items long",
    "maxItems": "at most {} items long",
    "maxProperties": "at most {} entries large",
    "pattern": "of the form {}",
}


def expectation(schema: dict[str, Any]) -> str | None:
    """A schema in words: "a number, at least 0, at most 2". ``None`` if it has none."""
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(repr(choice) for choice in schema["enum"])
    noun = NOUNS.get(schema.get("type", ""))
    if noun is None:
        return None
    bounds = [words.format(schema[name]) for name, words in BOUNDS.items() if name in schema]
    return ", ".join([noun, *bounds])
