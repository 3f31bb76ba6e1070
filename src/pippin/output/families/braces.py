"""Calls like ``call:NAME{key:value,…}``, with bare keys and strings between marks."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pippin.core.tools import Tool
from pippin.output.families.family import Mark
from pippin.output.families.marked import NAME, BrokenCall
from pippin.output.families.schemas import one_of
from pippin.output.families.sequences import in_order
from pippin.output.families.tagged import TaggedScanner, checked_forms, text_rule
from pippin.output.families.tape import Steps
from pippin.output.families.values import (
    ANYTHING,
    ASSERTIONS,
    ValueForm,
    escaped,
    quote,
    required_names,
    value_form,
)

_CALL = "call:"
_MAX_DEPTH = 64
_MAX_NESTED, _MAX_RULES = 8, 256
"""Of a grammar. What lies deeper, or is too much, is JSON: schemas may refer to themselves."""
_OBJECT_WORDS = frozenset({"type", "properties", "required", "additionalProperties"})
_ARRAY_WORDS = frozenset({"type", "items"})
_KEY = re.compile(r"[^\s:,{}\[\]<>\"]+")
_BARE = re.compile(r"[^\s,{}\[\]<>\"]+")


class BraceScanner(TaggedScanner):
    """Also takes JSON's quotes, and several calls between two marks."""

    def __init__(
        self, tools: Sequence[Tool], *, enforced: bool, opener: str, closer: str, quote: str
    ) -> None:
        super().__init__(tools, enforced=enforced, openers=(opener,), sure=opener)
        self._closer = closer
        self._quote = quote

    def marked(self, opener: str) -> Steps[None]:
        yield from self.expect(_CALL)
        while True:
            yield from self.tape.space()
            name = yield from self.named(NAME)
            yield from self.expect("{")
            self.begin_object(name)
            yield from self._arguments()
            self.end_object()
            if (yield from self.close(self._closer, _CALL)) != _CALL:
                return

    def _arguments(self) -> Steps[None]:
        """The members of the outermost object, whose types the schema knows."""
        if (yield from self.tape.accept("}")):
            return
        while True:
            key = yield from self._key()
            self.begin_member(key)
            yield from self._value(self.form_of(key), 1)
            if (yield from self.expect(",", "}")) == "}":
                return

    def _value(self, form: ValueForm, depth: int) -> Steps[None]:
        char = yield from self.tape.space()
        if depth > _MAX_DEPTH:
            raise BrokenCall
        if char == '"':
            yield from self.json_value()
        elif char == "{":
            yield from self.tape.match("{")
            yield from self._members(depth)
        elif char == "[":
            yield from self.tape.match("[")
            yield from self._items(depth)
        elif (yield from self.tape.match(self._quote)):
            self.write('"')
            yield from self.text_before(
                (self._quote,), lambda piece: self.write(escaped(piece)), leaving=self.direct
            )
            self.write('"')
        else:
            yield from self._bare(form)

    def _bare(self, form: ValueForm) -> Steps[None]:
        text = yield from self.named(_BARE)
        if not (yield from self.tape.peek()):
            raise BrokenCall
        value = form.convert(text, enforced=False)
        if value is None:
            raise BrokenCall
        self.write(value)

    def _members(self, depth: int) -> Steps[None]:
        self.write("{")
        if not (yield from self.tape.accept("}")):
            comma = ""
            while comma != "}":
                self.write(f"{', ' if comma else ''}{quote((yield from self._key()))}: ")
                yield from self._value(ANYTHING, depth + 1)
                comma = yield from self.expect(",", "}")
        self.write("}")

    def _items(self, depth: int) -> Steps[None]:
        self.write("[")
        if not (yield from self.tape.accept("]")):
            comma = ""
            while comma != "]":
                self.write(", " if comma else "")
                yield from self._value(ANYTHING, depth + 1)
                comma = yield from self.expect(",", "]")
        self.write("]")

    def _key(self) -> Steps[str]:
        """Read a key and its colon. Raises ``BrokenCall``."""
        mark = yield from self.tape.accept(self._quote, '"')
        key = yield from self.named(_KEY)
        if mark:
            yield from self.expect(mark)
        yield from self.expect(":")
        return key


class BraceRules:
    """Writes the grammar of calls. Raises ``InvalidRequest`` for a schema that cannot be promised.

    The keys of an object are sorted, as templates sort them. What has no way to be written in this
    form is JSON, which the scanner reads, too.
    """

    def __init__(self, tools: Sequence[Tool], mark: Mark, quote: str) -> None:
        self._mark = mark
        self._quote = quote
        self._lines = [text_rule("call_value", mark, quote)]
        self._count = 0
        calls = [self._call(tool) for tool in tools]
        self._lines.append(one_of("call_any", calls))

    def text(self) -> str:
        """The rules: ``call_any`` is a call."""
        return "\n".join(self._lines)

    def _call(self, tool: Tool) -> str:
        members = [
            (key, self._value(form, tool.parameters, 0), required)
            for key, (form, required) in checked_forms(tool, _KEY).items()
        ]
        name = self._mark(f"{_CALL}{tool.name}")
        return f"{name} {self._object(members)}"

    def _object(self, members: Sequence[tuple[str, str, bool]]) -> str:
        rule = self._new_rule()
        things = [
            (f"{self._mark(f'{key}:')} {value}", required)
            for key, value, required in sorted(members, key=lambda member: member[0].lower())
        ]
        self._lines += in_order(rule, things, self._mark(","))
        return f"{self._mark('{')} {rule} {self._mark('}')}"

    def _value(self, form: ValueForm, root: dict[str, Any], depth: int) -> str:
        if form.texts is not None:
            ways = (
                self._mark(f"{self._quote}{text}{self._quote}" if known[0] == '"' else text)
                for text, known in form.texts.items()
            )
            return f"({' | '.join(ways)})"
        if "string" in form.kinds and not form.quoted:
            return self._string(form)
        if depth < _MAX_NESTED and self._count < _MAX_RULES:
            if form.kinds == {"object"}:
                return self._nested_object(form, root, depth)
            if form.kinds == {"array"}:
                return self._nested_array(form, root, depth)
        return self._mark.json(form.schema)

    def _string(self, form: ValueForm) -> str:
        text = "call_value"
        if form.lengths != (0, None):
            text = self._new_rule()
            self._lines.append(text_rule(text, self._mark, self._quote, lengths=form.lengths))
        string = f"{self._mark(self._quote)} {text}"
        others = sorted(form.kinds - {"string"})
        if not others:
            return string
        return f"({string} | {self._mark.json({'type': others})})"

    def _nested_object(self, form: ValueForm, root: dict[str, Any], depth: int) -> str:
        target = form.target
        words = target.keys() & ASSERTIONS - _OBJECT_WORDS
        properties = target.get("properties")
        if words or not isinstance(properties, dict) or not _are_plain(properties):
            return self._mark.json(form.schema)
        required = required_names(target)
        if not required <= properties.keys():
            return self._mark.json(form.schema)
        members = [
            (key, self._value(value_form(schema, root), root, depth + 1), key in required)
            for key, schema in properties.items()
        ]
        return self._object(members)

    def _nested_array(self, form: ValueForm, root: dict[str, Any], depth: int) -> str:
        if form.target.keys() & ASSERTIONS - _ARRAY_WORDS:
            return self._mark.json(form.schema)
        item = self._value(value_form(form.target.get("items", {}), root), root, depth + 1)
        rule = self._new_rule()
        self._lines.append(f"{rule}: {item}")
        comma = self._mark(",")
        return f"{self._mark('[')} ({rule} ({comma} {rule})*)? {self._mark(']')}"

    def _new_rule(self) -> str:
        self._count += 1
        return f"call_{self._count}"


def _are_plain(keys: Iterable[str]) -> bool:
    return all(_KEY.fullmatch(key) for key in keys)
