"""From a conversation to the text that the model sees, split where its own words begin and end.

The result equals what ``template.jinja`` produces; ``check_template`` proves it on examples.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from .dialogue import Conversation, Message

TEMPLATE_FILE = Path(__file__).parent / "template.jinja"
NO_THOUGHT = "<think>\n\n</think>\n\n"
END_OF_TURN = "<|im_end|>"


class Segment(NamedTuple):
    """A piece of text, and whether the model writes it."""

    text: str
    by_model: bool


def segments(conversation: Conversation) -> list[Segment]:
    """Return the pieces of a conversation, alternately read and written by the model."""
    pieces: list[Segment] = []
    read = _opening(conversation)
    for index, message in enumerate(conversation.messages):
        if message.role == "assistant":
            prompt, answer = _turn(message, index in conversation.thinking)
            pieces += [Segment(read + prompt, False), Segment(answer, True)]
            read = "\n"
        elif message.role == "user":
            read += f"<|im_start|>user\n{message.content}{END_OF_TURN}\n"
        elif message.role == "tool":
            read += _tool_result(conversation.messages, index)
        elif index > 0:
            read += f"<|im_start|>system\n{message.content}{END_OF_TURN}\n"
    return [*pieces, Segment(read, False)]


def prompt_text(conversation: Conversation, thinking: bool) -> str:
    """Return the text that asks for the next answer."""
    text = "".join(piece.text for piece in segments(conversation))
    return f"{text}<|im_start|>assistant\n{'' if thinking else NO_THOUGHT}"


def written_answer(message: Message) -> str:
    """Return an answer as the model writes it after its thoughts."""
    calls = [
        f'<tool_call>\n{{"name": "{call.name}", "arguments": {_as_json(call.arguments)}}}\n'
        "</tool_call>"
        for call in message.calls
    ]
    return "\n".join([message.content] * bool(message.content) + calls)


def template() -> jinja2.Template:
    """Return the chat template, compiled as Hugging Face compiles it."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = _as_json
    return environment.from_string(TEMPLATE_FILE.read_text())


def check_template(conversations: Iterable[Conversation]) -> int:
    """Compare the segments with the chat template; return how many conversations agreed."""
    compiled = template()
    checked = 0
    for conversation in conversations:
        ours = "".join(piece.text for piece in segments(conversation))
        tools = list(conversation.tools) or None
        theirs = compiled.render(messages=conversation.as_openai(), tools=tools)
        if ours != theirs:
            raise AssertionError(f"the template differs:\n{ours!r}\n{theirs!r}")
        for thinking in (False, True):
            theirs = compiled.render(
                messages=conversation.as_openai(),
                tools=tools,
                add_generation_prompt=True,
                enable_thinking=thinking,
            )
            if prompt_text(conversation, thinking) != theirs:
                raise AssertionError(f"the generation prompt differs:\n{theirs!r}")
        checked += 1
    return checked


def _opening(conversation: Conversation) -> str:
    first = conversation.messages[0]
    tools = conversation.tools
    if first.role != "system" and not tools:
        return ""
    text = first.content if first.role == "system" else ""
    if tools:
        text += "\n\n" if first.role == "system" else ""
        listed = "".join("\n" + _as_json(tool.get("function", tool)) for tool in tools)
        text += f"# Tools\n<tools>{listed}\n</tools>"
    return f"<|im_start|>system\n{text}{END_OF_TURN}\n"


def _turn(message: Message, thinks: bool) -> tuple[str, str]:
    answer = written_answer(message) + END_OF_TURN
    if thinks:
        return "<|im_start|>assistant\n", f"<think>\n{message.reasoning}\n</think>\n\n{answer}"
    return f"<|im_start|>assistant\n{NO_THOUGHT}", answer


def _tool_result(messages: tuple[Message, ...], index: int) -> str:
    opens = index == 0 or messages[index - 1].role != "tool"
    closes = index + 1 == len(messages) or messages[index + 1].role != "tool"
    return (
        "<|im_start|>user" * opens
        + f"\n<tool_response>\n{messages[index].content}\n</tool_response>"
        + f"{END_OF_TURN}\n" * closes
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
