"""Chat templates: a model's own way to write a conversation."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pippin.core.request import ChatPrompt, Message
from pippin.core.tools import ToolCall
from pippin.errors import InvalidRequest
from pippin.prompt.abilities import Turn, abilities_of
from pippin.prompt.adapting import shown_tools, turns_of
from pippin.prompt.sandbox import BrokenTemplate, CannotRender, Clock, Program
from pippin.prompt.tool_texts import call_form, own_example
from pippin.prompt.words import Change, as_it_is, unused_mark

__all__ = ["BrokenTemplate", "ChatTemplate"]

RESERVED = frozenset(
    {
        "messages",
        "tools",
        "functions",
        "documents",
        "add_generation_prompt",
        "continue_final_message",
        "tokenize",
        "return_dict",
        "bos_token",
        "eos_token",
        "pad_token",
        "unk_token",
        "sep_token",
        "cls_token",
        "mask_token",
        "additional_special_tokens",
        "chat_template",
        "raise_exception",
        "strftime_now",
    }
)
"""Names that belong to the renderer and not to the client."""


class ChatTemplate:
    """Immutable; rendering is safe from several threads."""

    def __init__(self, source: str, special_tokens: Mapping[str, str]) -> None:
        """``special_tokens``: ``bos_token`` and the like, as the template names them.

        Raises:
            BrokenTemplate
        """
        self.source = source
        self._program = Program(source)
        self._special_tokens = dict(special_tokens)
        self.kwargs = self._program.arguments - RESERVED
        """Names that a client may give values to."""
        self.abilities = abilities_of(self._program, self._probed)
        """What it can do. Where it shows no tools, ``render`` offers them in the Hermes form."""
        self._call_form = call_form(source)
        self._call_example = "" if self.abilities.tools else self._own_example()

    def render(self, prompt: ChatPrompt, change: Change = as_it_is) -> str:
        """The conversation as the model was trained to read it, ready to be answered, or, if its
        last message is the assistant's, to be continued. ``change`` is made of each text that the
        client wrote; it may be asked for a text more than once.

        Raises:
            InvalidRequest: the template refuses these messages, or runs over a limit.
        """
        try:
            return self._render(prompt, change)
        except CannotRender as error:
            if not any(message.reasoning for message in prompt.messages):
                raise _refusal(error) from error
        # What was thought may be left out; some templates refuse it beside text and calls.
        said = [msgspec.structs.replace(message, reasoning=None) for message in prompt.messages]
        try:
            return self._render(msgspec.structs.replace(prompt, messages=tuple(said)), change)
        except CannotRender as error:
            raise _refusal(error) from error

    def _render(self, prompt: ChatPrompt, change: Change) -> str:
        written: list[str] = []

        def noted(text: str) -> str:
            written.append(change(text))
            return written[-1]

        turns = turns_of(prompt, self.abilities, noted, self._call_form, self._call_example)
        tools = shown_tools(prompt.tools, self.abilities, noted)
        if prompt.messages[-1].role != "assistant":
            return self._run(turns, tools, Clock(), prompt.template_kwargs, change)
        end = unused_mark("".join(written))
        turns[-1]["content"] += end
        text = self._run(turns, tools, Clock(), prompt.template_kwargs, change, answered=True)
        head, mark, _ = text.rpartition(end)
        if not mark:
            raise InvalidRequest(
                "This model's chat template cannot continue a final assistant message.", "messages"
            )
        return head

    def _own_example(self) -> str:
        """How a call is written, where the template shows calls but no definitions."""
        if not self.abilities.calls:
            return ""
        call = ToolCall(id="call_0", name="the_name", arguments='{"an_argument": "its value"}')
        said = (
            Message(role="user", content="?"),
            Message(role="assistant", content="", tool_calls=(call,)),
            Message(role="tool", content="?", tool_call_id=call.id),
        )
        turns = turns_of(ChatPrompt(messages=said), self.abilities, as_it_is)
        try:
            return own_example(self._run(turns, None, Clock(), {}, as_it_is))
        except (CannotRender, InvalidRequest):
            return ""

    def _probed(self, turns: Sequence[Turn], tools: Sequence[Turn] | None, clock: Clock) -> str:
        return self._run(turns, tools, clock, {}, as_it_is)

    def _run(
        self,
        turns: Sequence[Turn],
        tools: Sequence[Turn] | None,
        clock: Clock,
        kwargs: Mapping[str, Any],
        change: Change,
        *,
        answered: bool = False,
    ) -> str:
        variables = {
            "datetime": f"{datetime.now():%B %d, %Y}",  # Firefunction's; a client may say another
            **self._special_tokens,
            **{n: change(v) if isinstance(v, str) else v for n, v in kwargs.items()},
            "messages": turns,
            "tools": tools,
            "functions": _functions(tools),
            "documents": None,
            "add_generation_prompt": not answered,
        }
        return self._program.run(variables, clock)


def _functions(tools: Sequence[Turn] | None) -> str:
    """Firefunction's name and form of them: JSON text of the functions alone."""
    return json.dumps([tool["function"] for tool in tools], ensure_ascii=False) if tools else ""


def _refusal(error: CannotRender) -> InvalidRequest:
    if why := str(error):
        return InvalidRequest(
            f"The model's chat template refuses these messages: {why}", "messages"
        )
    return InvalidRequest("The model's chat template cannot render these messages.", "messages")
