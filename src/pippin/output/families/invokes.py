"""Calls between ``<invoke name="…">`` and ``</invoke>``, each argument in ``<parameter name="…">``.

MiniMax writes them plainly. DeepSeek writes ``｜DSML｜`` before the name of each tag, and says of
each argument whether it is a string: ``string="true"`` as it is, ``string="false"`` as JSON.
"""

# ruff: noqa: RUF001, RUF002  the bars in the marks are wide ones

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME, BrokenCall
from pippin.output.families.tagged import TagForm, TaggedRules, TaggedScanner
from pippin.output.families.tape import Steps
from pippin.output.families.values import STRING, ValueForm

DSML = "｜DSML｜"
_KEY = re.compile(r"[^\"'<>\n]+")
_QUOTES = ('"', "'")
_STRING = 'string="true"'
_JSON = 'string="false"'


class InvokeScanner(TaggedScanner):
    """``outer``: the names of the tag around all calls; the first is the family's own."""

    def __init__(
        self, tools: Sequence[Tool], *, enforced: bool, prefix: str, outer: Sequence[str]
    ) -> None:
        self._invoke = f"<{prefix}invoke name="
        self._invoke_end = f"</{prefix}invoke>"
        self._parameter = f"<{prefix}parameter name="
        self._parameter_end = f"</{prefix}parameter>"
        self._closers = tuple(f"</{prefix}{name}>" for name in outer)
        opens = tuple(f"<{prefix}{name}>" for name in outer)
        super().__init__(tools, enforced=enforced, openers=(*opens, self._invoke), sure=opens[0])

    def marked(self, opener: str) -> Steps[None]:
        if opener != self._invoke:
            yield from self.expect(self._invoke)
        while True:
            yield from self._call()
            if (yield from self.close(*self._closers, self._invoke)) != self._invoke:
                return

    def _call(self) -> Steps[None]:
        name = yield from self._quoted(NAME)
        yield from self.expect(">")
        self.begin_object(name)
        while (yield from self.expect(self._parameter, self._invoke_end)) == self._parameter:
            key = yield from self._quoted(_KEY)
            kind = yield from self.tape.accept(_STRING, _JSON)
            if self.tape.cut:
                raise BrokenCall
            yield from self.expect(">")
            if kind == _JSON:
                self.begin_member(key)
                yield from self.json_value()
                yield from self.expect(self._parameter_end)
            else:
                own = self.form_of(key)
                form = STRING if kind and "string" in own.kinds else own
                yield from self.member(key, self._parameter_end, form=form)
        self.end_object()

    def _quoted(self, characters: re.Pattern[str]) -> Steps[str]:
        quote = yield from self.tape.match(*_QUOTES)
        name = yield from self.named(characters)
        if quote:
            yield from self.expect(quote)
        return name.strip()


def invoke_rules(tools: Sequence[Tool], mark: Mark, *, prefix: str, outer: str) -> CallRules:
    """The grammar of such calls. Raises ``InvalidRequest``."""
    form = TagForm(
        before_name=f'\n<{prefix}invoke name="',
        after_name='">\n',
        before_key=f'<{prefix}parameter name="',
        after_key='">',
        value_end=f"</{prefix}parameter>",
        after_value="\n",
        after_arguments=f"</{prefix}invoke>",
    )
    rules = _TypedRules(tools, mark, form) if prefix else TaggedRules(tools, mark, form)
    return CallRules(
        trigger=f"<{prefix}{outer}>",
        first="call_any",
        more="call_any",
        rules=rules.text(),
        end=mark(f"\n</{prefix}{outer}>"),
    )


class _TypedRules(TaggedRules):
    """Each argument says whether it is a string."""

    def argument(self, key: str, value: ValueForm, rule: str) -> str:
        head = f'{self.form.before_key}{key}"'
        as_string = self.mark(f"{head} {_STRING}>")
        as_json = f"{self.mark(f'{head} {_JSON}>')} {self.mark.json(value.schema)} {self.end}"
        strings = [text for text, known in (value.texts or {}).items() if known.startswith('"')]
        if value.texts is not None:
            ways = [f"{as_string} {self.one_text(strings)}"] if strings else []
            ways += [as_json] if len(strings) < len(value.texts) else []
        elif "string" not in value.kinds or value.quoted:
            ways = [as_json]
        else:
            ways = [f"{as_string} {self.text_value(value, rule)}"]
            ways += [as_json] if value.kinds != {"string"} else []
        return f"({' | '.join(ways)}) {self.mark(self.form.after_value)}"
