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

To call a function, write its name and its arguments in this form:
{example}
Write it once for each call, and nothing after the last.{results} When no function is of use, \
answer in plain words."""
HERMES_EXAMPLE = """\
<tool_call>
{"name": "the_name", "arguments": {"an_argument": "its value"}}
</tool_call>"""
HERMES_RESULTS = " The results come back between <tool_response> and </tool_response>."
DEEPSEEK = ("<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581calls\u2581end\uff5c>")
"""What DeepSeek V3, R1 and V3.1 put around their calls. Their templates show calls and results in
histories, and leave it to the system's text to define tools."""


def offer(tools: Sequence[dict[str, Any]], example: str = "") -> str:
    """What a system's message says of them. ``tools``: in OpenAI's nested form. ``example``: of a
    call in the model's own form; empty: Hermes'."""
    lines = (json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    after = AFTER.replace("{results}", "" if example else HERMES_RESULTS)
    return BEFORE + "\n".join(lines) + after.replace("{example}", example or HERMES_EXAMPLE)


def own_example(rendered: str) -> str:
    """DeepSeek's way to write a call, cut out of a history; empty: there is none."""
    start, end = rendered.find(DEEPSEEK[0]), rendered.rfind(DEEPSEEK[1])
    return rendered[start : end + len(DEEPSEEK[1])] if 0 <= start < end else ""


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
