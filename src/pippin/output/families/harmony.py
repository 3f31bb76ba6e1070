"""OpenAI's gpt-oss: messages in channels, the harmony format (github.com/openai/harmony).

``<|channel|>analysis<|message|>…<|end|><|start|>assistant`` is what the model thinks, ``final``
what it says, and ``commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>`` a call. A
recipient may stand before the channel, too; calls in ``analysis`` have been seen. Commentary to
nobody is said to the user before calls.

The model's ends of text are ``<|return|>`` and ``<|call|>``, so an answer has one call at most.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import BrokenCall, MarkedScanner
from pippin.output.families.schemas import arguments_rule, one_of
from pippin.output.families.tagged import text_rule
from pippin.output.families.tape import Steps
from pippin.output.pieces import Content, Reasoning, Scanner

_CHANNEL, _MESSAGE, _CONSTRAIN = "<|channel|>", "<|message|>", "<|constrain|>"
_START, _END, _CALL, _RETURN = "<|start|>", "<|end|>", "<|call|>", "<|return|>"
_MARKED = (_START, _CHANNEL, _CALL, _RETURN)
_TO = "to=functions."
_PREFIX = "functions."
_MAX_HEADER = 256
_UNMARKED = re.compile(r"[^<]+")
_NOBODY = Tool(name="")


class Harmony:
    """The family."""

    name = "harmony"
    marks = (_CHANNEL, _MESSAGE, _CONSTRAIN, _START, _END, _CALL, _RETURN)

    def writes(self, template: str) -> bool:
        """By the marks of a message."""
        return _CHANNEL in template and _MESSAGE in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer, with what the model thinks. It reads channels without tools, too."""
        openers = (_START, _CHANNEL, _TO)
        return _Scanner(tools or (_NOBODY,), enforced=enforced, openers=openers, sure=_CHANNEL)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls, behind any thinking."""
        calls = [
            f"{mark(f'{tool.name} {_CONSTRAIN}json{_MESSAGE}')} {arguments_rule(tool, mark)}"
            for tool in tools
        ]
        thought = mark(f"{_CHANNEL}analysis{_MESSAGE}")
        said = mark(f"{_CHANNEL}commentary{_MESSAGE}")
        return CallRules(
            trigger=f"{_CHANNEL}commentary {_TO}",
            first="call_any",
            more="",
            rules="\n".join(
                [
                    *([one_of("call_any", calls)] if calls else ()),
                    text_rule(
                        "call_said", mark, _END, behind=f"{_START}assistant", without=_MARKED
                    ),
                    f"call_lead: (({thought} | {said}) call_said)*",
                ]
            ),
            lead="call_lead",
            text_mark=mark(f"{_CHANNEL}final{_MESSAGE}"),
        )


class _Header(NamedTuple):
    channel: str
    recipient: str


class _Scanner(MarkedScanner):
    def marked(self, opener: str) -> Steps[None]:
        self.direct = self.enforced
        while opener:
            header = yield from self._header(opener)
            if header.recipient:
                yield from self._call(header)
                return
            opener = yield from self._message(header.channel)

    def _header(self, opener: str) -> Steps[_Header]:
        """Read up to the message. Raises ``BrokenCall``."""
        parts = {_START: "", _CHANNEL: "", _CONSTRAIN: ""}
        seen = {opener}
        part = _START if opener == _TO else opener
        parts[part] = "assistant " + _TO if opener == _TO else ""
        while True:
            text = (yield from self.tape.until(_UNMARKED, _MAX_HEADER)) or ""
            parts[part] += text
            part = yield from self.tape.match(_CHANNEL, _CONSTRAIN, _MESSAGE)
            if not part or part in seen:
                raise BrokenCall
            if part == _MESSAGE:
                return _understood(parts[_START], parts[_CHANNEL])
            seen.add(part)

    def _message(self, channel: str) -> Steps[str]:
        """Give a message; the mark by which the next one begins, if none ended this one."""
        kind = Reasoning if channel == "analysis" else Content
        self.tape.take()
        while char := (yield from self.tape.peek()):
            if char != "<":
                self.tape.pass_over(_UNMARKED)
            elif mark := (yield from self.tape.match(_END, *_MARKED)):
                return mark if mark in (_START, _CHANNEL) else ""
            else:
                yield from self.tape.match("<")
            start = self.tape.kept_start
            self._out.append(kind(self.tape.take(), start))
        return ""

    def _call(self, header: _Header) -> Steps[None]:
        if header.channel == "final":
            raise BrokenCall
        bare = header.recipient.removeprefix(_PREFIX)
        yield from self.json_call(bare if bare in self.names else header.recipient)
        yield from self.close(_CALL, _END, _RETURN)


def _understood(role: str, channel: str) -> _Header:
    """Raises ``BrokenCall``: it is no header of the assistant's."""
    words = [*role.split(), *channel.split()]
    recipients = [word[3:] for word in words if word.startswith("to=")]
    name = (channel.split() or ["final"])[0]
    speaker = (role.split() or ["assistant"])[0]
    if name not in ("analysis", "commentary", "final") or len(recipients) > 1:
        raise BrokenCall
    if speaker != "assistant" and not speaker.startswith("to="):
        raise BrokenCall
    return _Header(name, recipients[0] if recipients else "")
