"""A chat template as a program: Jinja in a sandbox with limits.

The dialect is that of Hugging Face transformers (trimmed blocks, loop controls, ``tojson``,
``raise_exception``, ``strftime_now``, ``{% generation %}``). A template comes with a model that
somebody downloaded, so it is not trusted: it sees an immutable sandbox, every loop looks at the
clock, its output is bounded, and it can only reach what it is given.
"""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from pippin.errors import InvalidRequest
from pippin.prompt import growth

MAX_SOURCE_CHARS = 500_000
MAX_OUTPUT_CHARS = 16_000_000
MAX_SECONDS = 5.0

_TICK, _JOINED = "pippin_tick", "pippin_joined"


class BrokenTemplate(Exception):
    """The model's template is no Jinja template, or too large or too deep to be one."""


class CannotRender(Exception):
    """The program stumbled over the messages. The text is for the client, and may be empty."""


class Clock:
    """The deadline of one rendering, or of several together."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + MAX_SECONDS

    def tick(self) -> str:
        """Raises ``InvalidRequest`` when the time is over."""
        if time.monotonic() > self._deadline:
            raise InvalidRequest(
                "The model's chat template takes too long on these messages.", "messages"
            )
        return ""


class Program:
    """A compiled template. Immutable; running it is safe from several threads."""

    def __init__(self, source: str) -> None:
        """Raises ``BrokenTemplate``."""
        if len(source) > MAX_SOURCE_CHARS:
            raise BrokenTemplate(f"the chat template has over {MAX_SOURCE_CHARS} characters")
        for name in (_TICK, _JOINED):
            if name in source:
                raise BrokenTemplate(f"the chat template uses the reserved name {name}")
        self.source = source
        environment = _environment()
        try:
            tree = environment.parse(source)
            self.arguments = _arguments(tree)
            """Names that it wants from outside."""
            self.keys = _keys(tree)
            """Names that it looks up in what it is given, and more."""
            self._template = environment.from_string(_with_ticks(tree))
        except (jinja2.TemplateError, SyntaxError, ValueError) as error:
            raise BrokenTemplate(f"the chat template does not compile: {error}") from error
        except (RecursionError, MemoryError) as error:
            # Both are Python's word for a source that is nested too deeply for its compiler.
            raise BrokenTemplate("the chat template is nested too deeply to compile") from error

    def run(self, variables: Mapping[str, Any], clock: Clock) -> str:
        """What it writes.

        Raises:
            CannotRender: it refuses what it is given, or fails over it.
            InvalidRequest: it runs over a limit.
        """
        try:
            return _bounded(self._template.generate({**variables, _TICK: clock.tick}), clock)
        except (InvalidRequest, CannotRender):
            raise
        except (jinja2.TemplateError, RecursionError, MemoryError, ArithmeticError) as error:
            raise CannotRender from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            # Templates index and concatenate what they are given: a shape that they do not
            # expect surfaces as a plain Python error from their compiled code.
            raise CannotRender from error


def _environment() -> jinja2.Environment:
    environment = _Sandbox(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[loopcontrols, _Generation],
        finalize=growth.checked,
    )
    for name in growth.FILTERS:
        del environment.filters[name]
    environment.filters |= growth.OWN_FILTERS
    environment.filters["tojson"] = _tojson
    del environment.globals["lipsum"]
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    environment.globals[_JOINED] = _joined
    return environment


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also refuses what builds something huge from something small."""

    intercepted_binops = frozenset(["*", "**", "%", "+"])
    concat = staticmethod(growth.joined)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        padding = isinstance(obj, str) and attr in growth.PADDING_METHODS
        return not padding and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        growth.check_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().call(context, obj, *growth.call_arguments(obj, args), **kwargs)

    def wrap_str_format(self, value: Any) -> Any:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            growth.check_format(value.__self__)
        return wrapped


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


def _keys(tree: nodes.Template) -> frozenset[str]:
    """Every attribute's name and every literal text."""
    attributes = {node.attr for node in tree.find_all(nodes.Getattr)}
    literals = {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)}
    return frozenset(attributes | literals)


class _Joining(NodeTransformer):
    """``a ~ b`` becomes a call of ours."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        name = nodes.Name(_JOINED, "load", lineno=node.lineno)
        return nodes.Call(name, node.nodes, [], None, None, lineno=node.lineno)


def _joined(*values: Any) -> str:
    return growth.joined(values)


def _with_ticks(tree: nodes.Template) -> nodes.Template:
    """Let every turn of every loop, and every macro, look at the clock; and ``~`` at its length."""
    _Joining().visit(tree)
    bodies = [
        *((loop.body, loop.lineno) for loop in tree.find_all(nodes.For)),
        *((macro.body, macro.lineno) for macro in tree.find_all(nodes.Macro)),
    ]
    for body, line in bodies:
        call = nodes.Call(nodes.Name(_TICK, "load"), [], [], None, None, lineno=line)
        body.insert(0, nodes.Output([call], lineno=line))
    return tree


def _bounded(pieces: Any, clock: Clock) -> str:
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


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers': no HTML escapes."""
    growth.check_indent(indent)
    return json.dumps(
        growth.checked(value),
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    raise CannotRender(str(message))


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
