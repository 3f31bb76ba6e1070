"""Chat templates: a model's own Jinja program, run in a sandbox with limits.

The dialect is that of Hugging Face transformers (trimmed blocks, loop controls, ``tojson``,
``raise_exception``, ``strftime_now``, ``{% generation %}``). A template comes with a model that
somebody downloaded, so it is not trusted: it sees an immutable sandbox, every loop looks at the
clock, its output is bounded, and it can only reach what it is given.
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import do_indent
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pippin.core.request import ChatPrompt, Message
from pippin.errors import InvalidRequest

MAX_SOURCE_CHARS = 500_000
MAX_OUTPUT_CHARS = 16_000_000
MAX_SECONDS = 5.0
MAX_REPEAT = 1_000_000
"""Longest sequence that ``*`` may build, largest result that ``**`` may be asked for."""

PADDING_METHODS = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})
MAX_INDENT = 16
RESERVED = frozenset(
    {
        "messages",
        "tools",
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

_TICK = "pippin_tick"


class BrokenTemplate(Exception):
    """The model's template is no Jinja template, or too large to be one."""


class ChatTemplate:
    """A compiled template. Immutable; rendering is safe from several threads."""

    def __init__(self, source: str, special_tokens: Mapping[str, str]) -> None:
        """``special_tokens``: ``bos_token`` and the like, as the template names them.

        Raises:
            BrokenTemplate
        """
        if len(source) > MAX_SOURCE_CHARS:
            raise BrokenTemplate(f"the chat template has over {MAX_SOURCE_CHARS} characters")
        if _TICK in source:
            raise BrokenTemplate(f"the chat template uses the reserved name {_TICK}")
        environment = _Sandbox(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
        )
        for name in ("center", "format"):
            del environment.filters[name]  # they make something huge of something small
        environment.filters["indent"] = _indent
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            tree = environment.parse(source)
            self.kwargs = _arguments(tree) - RESERVED
            self._template = environment.from_string(_with_ticks(tree))
        except (jinja2.TemplateError, RecursionError) as error:
            raise BrokenTemplate(f"the chat template does not compile: {error}") from error
        self._special_tokens = dict(special_tokens)

    def render(self, prompt: ChatPrompt) -> str:
        """The conversation as the model was trained to read it, ready to be answered, or, if its
        last message is the assistant's, to be continued.

        Raises:
            InvalidRequest: the template refuses these messages, or runs over a limit.
        """
        messages = prompt.messages
        continued = messages[-1].role == "assistant"
        if not continued:
            return self._run(messages, prompt.template_kwargs, add_generation_prompt=True)
        end = unused_mark("".join(message.content for message in messages))
        last = Message(role="assistant", content=messages[-1].content + end)
        text = self._run(
            (*messages[:-1], last), prompt.template_kwargs, add_generation_prompt=False
        )
        head, mark, _ = text.rpartition(end)
        if not mark:
            raise InvalidRequest(
                "This model's chat template cannot continue a final assistant message.", "messages"
            )
        return head

    def _run(
        self, messages: Sequence[Message], kwargs: Mapping[str, Any], *, add_generation_prompt: bool
    ) -> str:
        clock = _Clock(MAX_SECONDS)
        variables = {
            **self._special_tokens,
            **kwargs,
            "messages": [_as_dict(message) for message in messages],
            "tools": None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
            _TICK: clock.tick,
        }
        try:
            return _bounded(self._template.generate(variables), clock)
        except InvalidRequest:
            raise
        except _Refused as error:
            raise InvalidRequest(
                f"The model's chat template refuses these messages: {error}", "messages"
            ) from error
        except (jinja2.TemplateError, RecursionError, MemoryError, ArithmeticError) as error:
            raise InvalidRequest(
                "The model's chat template cannot render these messages.", "messages"
            ) from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            # Templates index and concatenate what they are given: a shape that they do not
            # expect surfaces as a plain Python error from their compiled code.
            raise InvalidRequest(
                "The model's chat template cannot render these messages.", "messages"
            ) from error


def unused_mark(text: str) -> str:
    """A character that ``text`` does not contain: one of Unicode's 32 noncharacters that are
    reserved for a program's own use.

    Raises:
        InvalidRequest: the text contains them all.
    """
    for code in range(0xFDD0, 0xFDF0):
        if chr(code) not in text:
            return chr(code)
    raise InvalidRequest("The messages contain Unicode noncharacters.", "messages")


class _Refused(Exception):
    """Raised by ``raise_exception`` inside a template."""


class _Clock:
    """The deadline of one rendering."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def tick(self) -> str:
        if time.monotonic() > self._deadline:
            raise InvalidRequest(
                "The model's chat template takes too long on these messages.", "messages"
            )
        return ""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also refuses the operators that build something huge from something small."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        padding = isinstance(obj, str) and attr in PADDING_METHODS
        return not padding and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and _repeats(left, right) > MAX_REPEAT:
            raise OverflowError("repetition is too long")
        if operator == "**" and not (abs(left) <= MAX_REPEAT and abs(right) <= 64):
            raise OverflowError("power is too large")
        if operator == "%" and isinstance(left, str):
            raise TypeError("the % operator on text is not available in chat templates")
        return super().call_binop(context, operator, left, right)


def _repeats(left: Any, right: Any) -> int:
    """Length of ``left * right`` where one is a sequence, else 0."""
    for sequence, count in ((left, right), (right, left)):
        if isinstance(sequence, str | list | tuple) and isinstance(count, int):
            return len(sequence) * max(count, 0)
    return 0


class _Generation(Extension):
    """``{% generation %}…{% endgeneration %}`` marks the answer for training: shown as it is."""

    tags = {"generation"}  # noqa: RUF012  (jinja2 declares it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _arguments(tree: nodes.Template) -> frozenset[str]:
    """Names that the template wants from outside: those that it reads without always having set
    them. One that it sets itself counts only where it asks whether it was given."""
    read = meta.find_undeclared_variables(tree)
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    probes = (*tree.find_all(nodes.Test), *tree.find_all(nodes.Filter))
    asked = {
        probe.node.name
        for probe in probes
        if isinstance(probe.node, nodes.Name) and probe.name in ("defined", "undefined", "default")
    }
    return frozenset(read - (own - asked))


def _with_ticks(tree: nodes.Template) -> nodes.Template:
    """Let every turn of every loop, and every macro, look at the clock."""
    bodies = [
        *((loop.body, loop.lineno) for loop in tree.find_all(nodes.For)),
        *((macro.body, macro.lineno) for macro in tree.find_all(nodes.Macro)),
    ]
    for body, line in bodies:
        call = nodes.Call(nodes.Name(_TICK, "load"), [], [], None, None, lineno=line)
        body.insert(0, nodes.Output([call], lineno=line))
    return tree


def _bounded(pieces: Any, clock: _Clock) -> str:
    text: list[str] = []
    size = 0
    for piece in pieces:
        clock.tick()
        size += len(piece)
        if size > MAX_OUTPUT_CHARS:
            raise InvalidRequest(
                "The model's chat template makes too long a prompt of these messages.", "messages"
            )
        text.append(piece)
    return "".join(text)


def _as_dict(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        shown["name"] = message.name
    return shown


def _indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Jinja's own, with a bounded width."""
    if (len(width) if isinstance(width, str) else width) > MAX_INDENT:
        raise OverflowError("the indent is too wide")
    return str(do_indent(text, width, first, blank))


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers': no HTML escapes."""
    if isinstance(indent, int) and indent > MAX_INDENT:
        raise OverflowError("the indent is too wide")
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    raise _Refused(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
