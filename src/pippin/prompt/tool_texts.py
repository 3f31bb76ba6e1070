"""Tools in plain text, for templates that have no place for them.

The form is that of the Hermes models, which many others were trained on too: definitions between
``<tools>``, calls between ``<tool_call>``, results between ``<tool_response>``.
"""

import json
from collections.abc import Sequence
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


def hermes_call(name: str, arguments: str) -> str:
    """``arguments``: JSON text."""
    return f'<tool_call>\n{{"name": {_quoted(name)}, "arguments": {arguments}}}\n</tool_call>'


def bracket_calls(calls: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """LFM2's form: a Python list of calls with named arguments. Its templates show the definitions
    of tools and their results, and take calls as the assistant's text."""
    written = (
        f"{name}({', '.join(f'{key}={_python(value)}' for key, value in arguments.items())})"
        for name, arguments in calls
    )
    return f"<|tool_call_start|>[{', '.join(written)}]<|tool_call_end|>"


def result(content: str) -> str:
    return f"<tool_response>\n{content}\n</tool_response>"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _python(value: Any) -> str:
    """A JSON value as a Python literal, its texts in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)}: {_python(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)
