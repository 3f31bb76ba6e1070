"""A conversation in the form that one template understands."""

import hashlib
import re
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from pippin.core.request import ChatPrompt, Message
from pippin.core.tools import Tool, ToolCall
from pippin.prompt import tool_texts
from pippin.prompt.abilities import Abilities, Turn
from pippin.prompt.arguments import as_object, as_text
from pippin.prompt.tool_texts import CallForm
from pippin.prompt.words import Change, changed

NINE = re.compile(r"[a-zA-Z0-9]{9}")
COUNTED = re.compile(r"functions\..+:[0-9]+")


def turns_of(
    prompt: ChatPrompt,
    abilities: Abilities,
    change: Change,
    call_form: CallForm = tool_texts.hermes_calls,
    call_example: str = "",
) -> list[Turn]:
    """The messages as a template reads them: never empty, the last one where it was.

    ``call_form``: for calls that must be written as text. ``call_example``: for a template that
    shows calls and no definitions.
    """
    adapter = _Adapter(abilities, change, call_form)
    messages = list(prompt.messages)
    if abilities.system_needs_user and messages[-1].role != "user":
        messages = _with_system_in_user(messages)
    if prompt.tools and not abilities.tools:
        tools = [definition(tool, abilities, change) for tool in prompt.tools]
        offer = tool_texts.offer(tools, call_example)
        if messages[0].role in ("system", "developer"):
            adapter.add_system(messages.pop(0), offer)
        else:
            adapter.add_offer(offer)
    waiting = deque(messages)
    while waiting:
        adapter.add(waiting)
    return adapter.finish()


def definition(tool: Tool, abilities: Abilities, change: Change) -> Turn:
    """A tool in OpenAI's nested form, complete in what templates rely on."""
    function: dict[str, Any] = {"name": change(tool.name)}
    if tool.description is not None or abilities.needs_descriptions:
        function["description"] = change(tool.description or "")
    parameters = changed(tool.parameters, change)
    function["parameters"] = parameters
    parameters.setdefault("type", "object")
    parameters.setdefault("properties", {})
    return {"type": "function", "function": function}


class _Adapter:
    """Builds the turns of one conversation, front to back."""

    def __init__(self, abilities: Abilities, change: Change, call_form: CallForm) -> None:
        self._abilities = abilities
        self._change = change
        self._call_form = call_form
        self._turns: list[Turn] = []
        self._aside: list[str] = []
        """A system's texts, for a template without that role: they go to the next user's turn, or
        make one."""
        self._merges = False
        """Whether the last turn is one that we made the user's."""
        self._ids: dict[str, str] = {}
        self._calls = 0
        self._open: list[ToolCall] = []
        """Calls of the last assistant's turn whose results have not come yet."""

    def add(self, waiting: deque[Message]) -> None:
        """Take in the first message, and its results if it has calls that must not wait."""
        message = waiting.popleft()
        if message.role in ("system", "developer"):
            self.add_system(message)
        elif message.role == "user":
            self._add_user(self._named(message))
        elif message.role == "tool":
            self._add_result(message)
        elif not message.tool_calls:
            self._add_turn(self._assistant(message))
        elif not self._abilities.calls:
            self._add_written_calls(message)
        else:
            self._add_calls(message, waiting)

    def add_system(self, message: Message, more: str = "") -> None:
        turn = self._named(message)
        turn["content"] = "\n\n".join(filter(None, (turn["content"], more)))
        if message.role == "developer" and not self._abilities.developer:
            turn["role"] = "system"
        if turn["role"] == "system" and not self._abilities.system:
            self._aside.append(turn["content"])
        else:
            self._add_turn(turn)

    def add_offer(self, offer: str) -> None:
        """A system's message of our own."""
        if self._abilities.system:
            self._add_turn({"role": "system", "content": offer})
        else:
            self._aside.append(offer)

    def finish(self) -> list[Turn]:
        self._end_aside()
        return self._turns

    def _end_aside(self) -> None:
        if self._aside:
            self._add_user({"role": "user", "content": ""})

    def _named(self, message: Message) -> Turn:
        turn: Turn = {"role": message.role, "content": self._change(message.content)}
        if message.name is not None:
            turn["name"] = self._change(message.name)
        return turn

    def _assistant(self, message: Message) -> Turn:
        self._end_aside()
        turn = self._named(message)
        if message.reasoning is not None:
            thought = self._change(message.reasoning)
            turn |= dict.fromkeys(self._abilities.reasoning, thought)
        self._open = list(message.tool_calls)
        return turn

    def _add_turn(self, turn: Turn) -> None:
        self._turns.append(turn)
        self._merges = False

    def _add_user(self, turn: Turn, *, made: bool = False) -> None:
        """``made``: by us, of what was not the user's."""
        texts = [*self._aside, turn["content"]]
        turn["content"] = "\n\n".join(filter(None, texts))
        made = made or bool(self._aside)
        self._aside = []
        last = self._turns[-1] if self._turns else None
        clash = self._abilities.alternates and last is not None and last["role"] == "user"
        if last is not None and clash and (made or self._merges):
            last["content"] += f"\n\n{turn['content']}"
        else:
            self._turns.append(turn)
        self._merges = made

    def _add_result(self, message: Message) -> None:
        call = self._answered(message)
        turn = self._named(message)
        if not self._abilities.results:
            text = tool_texts.result(turn["content"])
            if self._merges:
                self._turns[-1]["content"] += f"\n{text}"
            else:
                self._add_user({"role": "user", "content": text}, made=True)
            return
        if call is not None:
            turn.setdefault("name", self._change(call.name))
        if id := message.tool_call_id or (call.id if call else None):
            turn["tool_call_id"] = self._ids.get(id) or self._styled(id)
        self._add_turn(turn)

    def _answered(self, result: Message) -> ToolCall | None:
        """Which call this is the result of: by its id, or else the first that has none yet."""
        for place, call in enumerate(self._open):
            if result.tool_call_id in (None, call.id):
                return self._open.pop(place)
        return None

    def _add_calls(self, message: Message, waiting: deque[Message]) -> None:
        turn = self._assistant(message)
        if turn["content"] and self._abilities.aside != "beside":
            if self._abilities.aside == "apart":
                self._add_turn({"role": "assistant", "content": turn["content"]})
            turn["content"] = ""
        turn["content"] = turn["content"] or self._abilities.empty
        if self._abilities.parallel or len(message.tool_calls) == 1:
            self._add_turn(turn | {"tool_calls": [self._call(c) for c in message.tool_calls]})
            return
        for call in message.tool_calls:
            self._add_turn(turn | {"tool_calls": [self._call(call)]})
            turn = {"role": "assistant", "content": self._abilities.empty}
            self._add_result_of(call, waiting)

    def _add_result_of(self, call: ToolCall, waiting: deque[Message]) -> None:
        """One call at a time: let its result follow it at once."""
        for place, message in enumerate(waiting):
            if message.role != "tool":
                return
            if message.tool_call_id in (None, call.id):
                del waiting[place]
                self._add_result(message)
                return

    def _call(self, call: ToolCall) -> Turn:
        return {
            "id": self._new_id(call),
            "type": "function",
            "function": {"name": self._change(call.name), "arguments": self._arguments(call)},
        }

    def _arguments(self, call: ToolCall) -> object:
        if not self._abilities.objects:
            return as_text(call.arguments, self._change)
        found = as_object(call.arguments, self._change)
        if found is not None:
            return found
        text = as_text(call.arguments, self._change)
        return {"arguments": text} if self._abilities.texts_break else text

    def _add_written_calls(self, message: Message) -> None:
        turn = self._assistant(message)
        text = self._call_form([self._written(call) for call in message.tool_calls])
        turn["content"] = "\n".join(filter(None, (turn["content"], text)))
        self._add_turn(turn)

    def _written(self, call: ToolCall) -> tool_texts.WrittenCall:
        text = as_text(call.arguments, self._change)
        found = as_object(call.arguments, self._change)
        arguments = {"arguments": text} if found is None else found
        return tool_texts.WrittenCall(self._change(call.name), text, arguments)

    def _new_id(self, call: ToolCall) -> str:
        number, self._calls = self._calls, self._calls + 1
        if self._abilities.ids == "functions" and not COUNTED.fullmatch(call.id):
            self._ids[call.id] = f"functions.{self._change(call.name)}:{number}"
        else:
            self._ids[call.id] = self._styled(call.id)
        return self._ids[call.id]

    def _styled(self, id: str) -> str:
        if self._abilities.ids == "nine" and not NINE.fullmatch(id):
            return hashlib.sha256(id.encode()).hexdigest()[:9]
        return self._change(id)


def _with_system_in_user(messages: list[Message]) -> list[Message]:
    """The system's first words in front of the last user's turn, where such a template puts them
    when that turn is the last of all."""
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    if messages[0].role not in ("system", "developer") or not users:
        return messages
    last = messages[users[-1]]
    content = f"{messages[0].content}\n\n{last.content}"
    messages[users[-1]] = msgspec.structs.replace(last, content=content)
    return messages[1:]


def shown_tools(tools: Sequence[Tool], abilities: Abilities, change: Change) -> list[Turn] | None:
    """What the template is given as ``tools``."""
    if not tools or not abilities.tools:
        return [] if abilities.needs_a_list else None
    return [definition(tool, abilities, change) for tool in tools]
