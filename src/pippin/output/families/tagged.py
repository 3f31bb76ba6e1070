"""Calls whose arguments stand one by one between tags: what such families share."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pippin.core.tools import Tool
from pippin.errors import InvalidRequest
from pippin.output.families.calls import Heard
from pippin.output.families.family import Mark
from pippin.output.families.marked import BrokenCall, MarkedScanner
from pippin.output.families.schemas import one_of
from pippin.output.families.tape import Steps
from pippin.output.families.values import (
    ANYTHING,
    ASSERTIONS,
    OPENED,
    ValueForm,
    escaped,
    quote,
    required_names,
    resolve,
    value_forms,
)
from pippin.output.pieces import Arguments

_ROOT_WORDS = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "unevaluatedProperties"),
        "patternProperties",
    }
)
"""Of the schema of all arguments: no others are offered than those that it names."""
_LETTERS = re.compile(r'"(?:\\.|[^"\\])*"')
_PLAIN_KEY = re.compile(r"[^\s<>\"'](?:[^<>\"'\n\r]*[^\s<>\"'])?")


class TaggedScanner(MarkedScanner):
    """Turns arguments that come one by one into the text of one object."""

    def __init__(
        self, tools: Sequence[Tool], *, enforced: bool, openers: Sequence[str], sure: str
    ) -> None:
        super().__init__(tools, enforced=enforced, openers=openers, sure=sure)
        self._tools = {tool.name: tool for tool in tools}
        self._forms: dict[str, dict[str, ValueForm]] = {}
        self._name = ""
        self._keys: set[str] = set()
        self._parts: list[str] = []

    def begin_object(self, name: str) -> None:
        """A call of this tool begins, and so does the object of its arguments."""
        self._name = name
        self._keys = set()
        self._parts = []
        if name in self._tools and name not in self._forms:
            self._forms[name] = value_forms(self._tools[name])
        if name not in self._tools:
            self.direct = False
        if self.direct:
            self.begin(name)
        self.write("{")

    def end_object(self) -> None:
        """The call is whole. Raises ``BrokenCall`` if there is no such tool."""
        self.write("}")
        if self._name not in self._tools:
            raise BrokenCall
        self.give(Heard(self._name, "".join(self._parts), given=self.direct))

    def write(self, text: str) -> None:
        """A piece of the object's text; what was read up to here is told by it."""
        if self.direct:
            self.tape.take()
            self._out.append(Arguments(text))
        else:
            self._parts.append(text)

    def form_of(self, key: str) -> ValueForm:
        """How the open call's parameter is written."""
        return self._forms.get(self._name, {}).get(key, ANYTHING)

    def begin_member(self, key: str) -> None:
        """The value of ``key`` follows. Raises ``BrokenCall`` if it was there before."""
        if not key or key in self._keys:
            raise BrokenCall
        self.write(f"{', ' if self._keys else ''}{quote(key)}: ")
        self._keys.add(key)

    def member(self, key: str, *ends: str, form: ValueForm | None = None) -> Steps[str]:
        """Read a value up to one of ``ends``, which is returned without white space. ``form``:
        not the schema's. Raises ``BrokenCall``."""
        form = form or self.form_of(key)
        self.begin_member(key)
        if form.closed(enforced=self.direct):
            opened = yield from self.tape.space()
            if OPENED.get(opened) in form.kinds:
                yield from self.json_value()
                return (yield from self.expect(*(end.lstrip() for end in ends)))
        if form.streams(enforced=self.direct):
            self.write('"')
            end = yield from self.text_before(
                ends, lambda piece: self.write(escaped(piece)), leaving=self.direct
            )
            self.write('"')
            return end.lstrip()
        parts: list[str] = []
        end = yield from self.text_before(ends, parts.append)
        value = form.convert("".join(parts), enforced=self.direct)
        if value is None:
            raise BrokenCall
        self.write(value)
        return end.lstrip()

    def json_value(self) -> Steps[None]:
        """Read a JSON value and write it as it is. Raises ``BrokenCall``."""
        if not self.direct:
            text = yield from self.tape.json()
            self.write(text or "")
        else:
            self.tape.take()
            text = yield from self.tape.json(self._write_kept)
        if text is None:
            raise BrokenCall

    def _write_kept(self) -> None:
        if text := self.tape.take():
            self._out.append(Arguments(text))

    def text_before(
        self, ends: Sequence[str], hear: Callable[[str], None], *, leaving: bool = False
    ) -> Steps[str]:
        """Read up to one of ``ends``, which is read and returned; ``hear`` is told the text.
        ``leaving``: piece by piece as it comes, and it is kept no longer. Raises ``BrokenCall``
        where the text ends."""
        firsts = frozenset(end[0] for end in ends)
        plain = re.compile(f"[^{re.escape(''.join(sorted(firsts)))}]+")
        while char := (yield from self.tape.peek()):
            if char not in firsts and leaving:
                self.tape.pass_over(plain)
                hear(self.tape.take())
            elif char not in firsts:
                hear((yield from self.tape.until(plain, sys.maxsize)) or "")
            elif end := (yield from self.tape.match(*ends)):
                return end
            elif self.tape.cut:
                break
            else:
                hear((yield from self.tape.match(char)))
        raise BrokenCall


@dataclass(frozen=True, slots=True)
class TagForm:
    """The literal texts around a call's parts."""

    before_name: str
    after_name: str
    before_key: str
    after_key: str
    value_end: str
    """A text that no string may contain; it ends every value."""
    after_value: str
    after_arguments: str
    before_value_end: str = ""


class TaggedRules:
    """Writes the grammar of calls. Raises ``InvalidRequest`` for a schema that cannot be promised
    in this form."""

    def __init__(self, tools: Sequence[Tool], mark: Mark, form: TagForm) -> None:
        self.mark = mark
        self.form = form
        self.lines = [self._text_rule("call_value")]
        self.end = mark(form.before_value_end + form.value_end)
        calls = [self._call(number, tool) for number, tool in enumerate(tools)]
        self.lines.append(one_of("call_any", calls))

    def text(self) -> str:
        """The rules: ``call_any`` is a call."""
        return "\n".join(self.lines)

    def argument(self, key: str, value: ValueForm, rule: str) -> str:
        """The expression of one argument, for the rule of this name."""
        head = self.mark(self.form.before_key + key + self.form.after_key)
        after = self.mark(self.form.after_value) if self.form.after_value else ""
        return f"{head} {self._value(value, rule)} {after}"

    def one_text(self, texts: Sequence[str]) -> str:
        """The expression of one of these texts, with the end behind it."""
        ways = (self.mark(text) if text else '""' for text in texts)
        return f"({' | '.join(ways)}) {self.end}"

    def text_value(self, value: ValueForm, rule: str) -> str:
        """The expression of a string as it is, with the end behind it."""
        if value.lengths == (0, None):
            return "call_value"
        self.lines.append(self._text_rule(f"{rule}_value", value.lengths))
        return f"{rule}_value"

    def _text_rule(self, name: str, lengths: tuple[int, int | None] = (0, None)) -> str:
        form = self.form
        return text_rule(
            name, self.mark, form.value_end, before=form.before_value_end, lengths=lengths
        )

    def _call(self, number: int, tool: Tool) -> str:
        forms = checked_forms(tool)
        parts = [self.mark(self.form.before_name + tool.name + self.form.after_name)]
        for index, (key, (value, required)) in enumerate(forms.items()):
            rule = f"call_{number}_{index}"
            self.lines.append(f"{rule}: {self.argument(key, value, rule)}")
            parts.append(rule if required else f"{rule}?")
        parts.append(self.mark(self.form.after_arguments))
        return " ".join(parts)

    def _value(self, value: ValueForm, rule: str) -> str:
        if value.texts is not None:
            return self.one_text(list(value.texts))
        if "string" not in value.kinds or value.quoted:
            return f"{self.mark.json(value.schema)} {self.end}"
        return self.text_value(value, rule)


def text_rule(
    name: str,
    mark: Mark,
    end: str,
    *,
    before: str = "",
    behind: str = "",
    lengths: tuple[int, int | None] = (0, None),
    without: Sequence[str] = (),
) -> str:
    """A rule for any text of such lengths, which contains neither ``end`` nor any of ``without``,
    and the end with what stands around it.

    A lexeme is the longest match: the text and the letters of the end are one lexeme.
    """
    least, most = lengths
    some = f"/(?s:.{{{least},{'' if most is None else most}}})/"
    inner = "|".join(map(re.escape, (end, *without))).replace("/", r"\/")
    marked = mark(before + end + behind)
    letters = _LETTERS.match(marked)
    head = letters[0] if letters else ""
    terminal = f"({some} & ~/(?s:.*)({inner})(?s:.*)/) {head}"
    return f"{name.upper()}: {terminal}\n{name}: {name.upper()} {marked[len(head) :]}"


def checked_forms(
    tool: Tool, names: re.Pattern[str] = _PLAIN_KEY
) -> dict[str, tuple[ValueForm, bool]]:
    """The tool's parameters, and which are required. ``names``: how they may be called. Raises
    ``InvalidRequest`` where a form in which arguments stand one by one cannot promise the schema.
    """
    root = resolve(tool.parameters, tool.parameters)
    unknown = sorted(root.keys() & ASSERTIONS - _ROOT_WORDS)
    if unknown:
        raise InvalidRequest(
            f"tools: the parameters of {tool.name!r} use {unknown[0]!r} at the top level, which "
            "cannot be enforced for this model: describe them by 'properties' and 'required'.",
            "tools",
        )
    forms = value_forms(tool)
    required = required_names(root)
    forms |= dict.fromkeys(sorted(required - forms.keys()), ANYTHING)
    for key in forms:
        if not names.fullmatch(key):
            raise InvalidRequest(
                f"tools: the parameter {key!r} of {tool.name!r} has a name that this model cannot "
                "write: use letters, digits and underscores.",
                "tools",
            )
    return {key: (form, key in required) for key, form in forms.items()}
