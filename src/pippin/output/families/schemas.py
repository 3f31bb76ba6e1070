"""What the grammars of several families have in common: arguments, and a choice of tools."""

import json
from collections.abc import Sequence
from typing import Any

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark


def arguments_rule(tool: Tool, mark: Mark) -> str:
    """A Lark expression of the tool's arguments, as JSON."""
    return mark.json(arguments_schema(tool))


def arguments_schema(tool: Tool) -> dict[str, Any]:
    """Arguments are always an object."""
    return {**tool.parameters, "type": "object"}


def name_text(name: str) -> str:
    """A name as a grammar has it, of the ways in which JSON can write it."""
    return json.dumps(name, ensure_ascii=False)


def call_object(tool: Tool, mark: Mark, key: str = "arguments", name_key: str = "name") -> str:
    """A Lark expression of a call ``{"name": …, "arguments": {…}}``, laid out as in templates."""
    begin = f'{{"{name_key}": {name_text(tool.name)}, "{key}": '
    return f"{mark(begin)} {arguments_rule(tool, mark)} {mark('}')}"


def one_of(rule: str, expressions: Sequence[str]) -> str:
    """The rule that matches one of these."""
    return f"{rule}: " + "\n    | ".join(expressions)


def call_list(trigger: str, calls: Sequence[str], mark: Mark, end: str = "]") -> CallRules:
    """The rules of ``trigger [call, call …]``, where some templates have a space and some not."""
    return CallRules(
        trigger=trigger,
        first=f"{gap(mark)} {mark('[')} call_any",
        more=f"{mark(', ')} call_any",
        end=mark(end),
        rules=one_of("call_any", calls),
    )


def gap(mark: Mark) -> str:
    """A Lark expression of a space that may be left out."""
    return f"{mark(' ')}?"
