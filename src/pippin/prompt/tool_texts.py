"""Tools in plain text, for templates that have no place for them.

The form is that of the Hermes models, which many others were trained on too: definitions between
``<tools>``, calls between ``<tool_call>``, results between ``<tool_response>``. Only calls have
other forms, too, for templates that show definitions, and take calls as the assistant's own text.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

BEFORE = """\
You can call functions. Between <tools> and </tools> is one function a line, as a JSON object:
<tools>
"""
AFTER = """
</tools>

To call a function, write a JSON object with its name and its arguments in this form:
<tool_call>
{"name": "the name", "arguments": {"an argument": "its value"}}
</tool_call>
Write one such block for each call, and nothing after the last. The results come back between \
<tool_response> and </tool_response>. When no function is of use, answer in plain words."""


def offer(tools: Sequence[dict[str, Any]]) -> str:
    """What a system's message says of them. ``tools``: in OpenAI's nested form."""
    lines = (json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    return BEFORE + "\n".join(lines) + AFTER


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call in a history."""

    name: str
    text: str
    """Its arguments as JSON text, mostly."""
    arguments: dict[str, Any]


CallForm = Callable[[Sequence[WrittenCall]], str]


def call_form(source: str) -> CallForm:
    """How the model of this template writes calls, by the template's own words."""
    if "<|tool_list_start|>" in source:
        return lfm_calls
    return granite_calls if "<|tool_call|>" in source else hermes_calls


def hermes_calls(calls: Sequence[WrittenCall]) -> str:
    return "\n".join(
        f'<tool_call>\n{{"name": {_quoted(call.name)}, "arguments": {call.text}}}\n</tool_call>'
        for call in calls
    )


def granite_calls(calls: Sequence[WrittenCall]) -> str:
    """Granite 3's: one JSON list."""
    listed = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return "<|tool_call|>" + json.dumps(listed, ensure_ascii=False)


def lfm_calls(calls: Sequence[WrittenCall]) -> str:
    """LFM2's: a Python list of calls with named arguments."""
    written = ", ".join(f"{call.name}({_named(call.arguments)})" for call in calls)
    return f"<|tool_call_start|>[{written}]<|tool_call_end|>"


def result(content: str) -> str:
    return f"<tool_response>\n{content}\n</tool_response>"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _named(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_python(value)}" for name, value in arguments.items())


def _python(value: Any) -> str:
    """A JSON value as a Python literal, its texts in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)}: {_python(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)
