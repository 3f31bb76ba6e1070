"""What a chat template can do, found out by letting it render small conversations.

Templates do not say what they understand: some take a call's arguments as an object, some as text;
some have no place for tools, for results, or for a system's message. What they write shows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pippin.errors import InvalidRequest
from pippin.prompt.sandbox import CannotRender, Clock, Program
from pippin.prompt.tool_texts import DEEPSEEK

Turn = dict[str, Any]
IdStyle = Literal["any", "nine", "functions"]
"""Ids of calls: any text; nine letters and digits (Mistral); ``functions.name:0``, counted over
the conversation, with the name shown nowhere else (Kimi)."""
Aside = Literal["beside", "apart", "lost"]
"""Text of a turn that calls tools: shown with the calls, shown only as a turn of its own, or not
shown at all."""

SYSTEM, USER, TEXT, OTHER = "pippinsystem", "pippinuser", "pippintext", "pippinother"
NAME, RESULT, KEY, VALUE = "pippintool", "pippinresult", "pippinkey", "pippinvalue"
NINE = "pippin000"
OBJECT = {KEY: VALUE}
ARGUMENTS = f'{{"{KEY}": "{VALUE}"}}'
PARAMETERS = {"type": "object", "properties": {KEY: {"type": "string", "description": TEXT}}}
REASONING_NAMES = ("reasoning_content", "reasoning", "thinking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Of one template."""

    system: bool = True
    system_needs_user: bool = False
    """Whether it shows the system's words only where the last turn is the user's."""
    developer: bool = False
    """Whether it knows the role, which newer clients write for ``system``."""
    alternates: bool = False
    """Whether two turns of the user's must not follow one another."""
    tools: bool = False
    """Whether it shows the definitions of tools."""
    needs_descriptions: bool = False
    """Of every tool."""
    needs_a_list: bool = False
    """Of tools, an empty one where there are none."""
    calls: bool = False
    """Whether it shows a turn's ``tool_calls``. Without ``tools`` only DeepSeek's: calls and
    definitions are in one form."""
    results: bool = False
    """Whether it knows the role ``tool``, likewise."""
    parallel: bool = False
    """Whether a turn may have several calls."""
    objects: bool = False
    """Whether it wants a call's arguments as an object, and not as text."""
    texts_break: bool = False
    """Whether arguments that are text and no object stop it."""
    empty: str | None = ""
    """The content of a turn that has calls and no text."""
    aside: Aside = "beside"
    ids: IdStyle = "any"
    reasoning: tuple[str, ...] = ("reasoning_content",)
    """Under which names it looks for what the assistant thought."""


Run = Callable[[Sequence[Turn], Sequence[Turn] | None, Clock], str]
"""Renders messages and tools, as for an answer. Raises what ``Program.run`` raises."""


def abilities_of(program: Program, run: Run) -> Abilities:
    """Takes a few dozen renderings, and not longer than one may take."""
    return _Probe(program, run).abilities()


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a call into the history."""

    ids: IdStyle
    empty: str | None
    objects: bool

    def call(self, number: int = 0, arguments: object = None) -> Turn:
        name = f"{NAME}{number}"
        arguments = arguments or (OBJECT if self.objects else ARGUMENTS)
        ids = {"any": f"call_{number}", "nine": f"{NINE[:-1]}{number}"}
        return {
            "id": ids.get(self.ids, f"functions.{name}:{number}"),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }

    def calls(self, *calls: Turn, text: str = "") -> Turn:
        return {
            "role": "assistant",
            "content": text or self.empty,
            "tool_calls": list(calls),
        }


class _Probe:
    def __init__(self, program: Program, run: Run) -> None:
        self._program = program
        self._run = run
        self._clock = Clock()
        self._needs_a_list = False
        user = _turn("user", USER)
        self._needs_a_list = not self._shows([user], USER) and self._shows([user], USER, tools=[])

    def _shows(
        self, messages: Sequence[Turn], *words: str, tools: Sequence[Turn] | None = None
    ) -> bool:
        if tools is None and self._needs_a_list:
            tools = []
        try:
            text = self._run(messages, tools, self._clock)
        except (CannotRender, InvalidRequest):
            return False
        return all(word in text for word in words)

    def abilities(self) -> Abilities:
        shows, form = self._shows, self._form()
        tools = self._shows_tools()
        used = tools or DEEPSEEK[0] in self._program.source
        system, user = _turn("system", SYSTEM), _turn("user", USER)
        return Abilities(
            system=shows([system, user], SYSTEM, USER),
            system_needs_user=form is not None and self._forgets_system(form),
            developer=shows([_turn("developer", SYSTEM), user], SYSTEM, USER),
            alternates=not shows([user, _turn("user", OTHER)], USER, OTHER),
            tools=tools,
            needs_descriptions=tools and not self._shows_tools(described=False),
            needs_a_list=self._needs_a_list,
            results=used and self._shows_results(form),
            reasoning=tuple(name for name in REASONING_NAMES if name in self._program.keys),
            **(self._of_calls(form) if used and form else {}),
        )

    def _forgets_system(self, form: _Form) -> bool:
        system, user = _turn("system", SYSTEM), _turn("user", USER)
        call = form.call()
        turns = [user, form.calls(call), _result(call)]
        return (
            self._shows([system, user], SYSTEM)
            and self._shows(turns, USER)
            and not self._shows([system, *turns], SYSTEM)
        )

    def _shows_tools(self, *, described: bool = True) -> bool:
        function: Turn = {"name": NAME, "parameters": PARAMETERS}
        if described:
            function["description"] = OTHER
        tools = [{"type": "function", "function": function}]
        told = [_turn("system", SYSTEM), _turn("user", USER)]
        return any(self._shows(turns, NAME, KEY, tools=tools) for turns in (told[1:], told))

    def _form(self) -> _Form | None:
        """The first way to write calls that is shown whole."""
        styles: list[IdStyle] = ["any", "nine", "functions"]
        if "<|tool_call_argument_begin|>" in self._program.source:
            styles.reverse()  # some of Kimi's put the name in front, but show ids with results
        for ids in styles:
            for empty in ("", None):
                for objects in (False, True):
                    form = _Form(ids, empty, objects)
                    if self._shows_call(form):
                        return form
        return None

    def _shows_call(self, form: _Form) -> bool:
        # Where a template quotes text arguments once more, ARGUMENTS is not to be seen; where it
        # writes an object as Python would, its names are in single quotes.
        proof = (KEY, VALUE) if form.objects else (ARGUMENTS,)
        call = form.calls(form.call())
        for after in (_result(form.call()), _turn("user", OTHER)):
            turns = [_turn("user", USER), call, after]
            if self._shows(turns, f"{NAME}0", *proof):
                return not (form.objects and self._shows(turns, f"'{KEY}'"))
        return False

    def _of_calls(self, form: _Form) -> dict[str, Any]:
        first, second = form.call(), form.call(1)
        user, done = _turn("user", USER), _turn("assistant", OTHER)
        both = [user, form.calls(first, second), _result(first), _result(second)]
        aside = [user, form.calls(first, text=TEXT), _result(first)]
        apart = [user, _turn("assistant", TEXT), form.calls(first), _result(first), done, user]
        words = (TEXT, f"{NAME}0")
        beside: Aside = "apart" if self._shows(apart, *words) else "lost"
        as_text = form.calls(form.call(arguments=TEXT))
        return {
            "calls": True,
            "parallel": self._shows(both, f"{NAME}0", f"{NAME}1"),
            "objects": form.objects,
            "texts_break": not self._shows([user, as_text, _result(first)], f"{NAME}0"),
            "empty": form.empty,
            "aside": "beside" if self._shows(aside, *words) else beside,
            "ids": form.ids,
        }

    def _shows_results(self, form: _Form | None) -> bool:
        call = form.calls(form.call()) if form else _turn("assistant", TEXT)
        asked = form.call() if form else _Form("any", "", False).call()
        return self._shows([_turn("user", USER), call, _result(asked)], RESULT)


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _result(call: Turn) -> Turn:
    # Not the call's own name: that must be shown where the call is.
    return {**_turn("tool", RESULT), "tool_call_id": call["id"], "name": OTHER}
