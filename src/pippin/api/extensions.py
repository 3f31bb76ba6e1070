"""What Pippin adds to OpenAI's requests: the ``pippin`` object of a body, and its headers."""

from dataclasses import dataclass
from typing import TypeVar, get_args

import msgspec
from starlette.datastructures import Headers

from pippin.api.gate.keys import Caller
from pippin.api.validation import Body
from pippin.core.request import GenerationRequest, Priority
from pippin.errors import InvalidRequest

EXPLAIN_HEADER = "X-Pippin-Explain-Cache"
PRIORITY_HEADER = "X-Pippin-Priority"
YES_OR_NO = {"true": True, "false": False}
PRIORITIES: dict[str, Priority] = {name: name for name in get_args(Priority)}
"""The most urgent first."""

Value = TypeVar("Value")


class Extensions(Body):
    """The ``pippin`` object of a generation request's body."""

    explain_cache: bool | None = None
    """Say in the answer what of each prompt was remembered, and why not more."""
    priority: Priority | None = None
    """Who waits: a person, a program that a person watches, or nobody. Never above the key's."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How all requests of one body are treated: what was asked, within what the key allows."""

    priority: Priority
    tenant: str
    cache_salt: str
    explain_cache: bool

    def applied(self, request: GenerationRequest) -> GenerationRequest:
        return msgspec.structs.replace(
            request,
            priority=self.priority,
            tenant=self.tenant,
            cache_salt=self.cache_salt,
            explain_cache=self.explain_cache,
        )


def treatment(
    asked: Extensions | None, headers: Headers, caller: Caller, cache_per_key: bool
) -> Treatment:
    """What body and headers ask for, in the name of this caller.

    Raises:
        InvalidRequest: a header has a bad value, or disagrees with the body or with itself.
    """
    asked = asked or Extensions()
    explain = _agreed(
        asked.explain_cache, _header(headers, EXPLAIN_HEADER, YES_OR_NO), EXPLAIN_HEADER
    )
    named: Priority | None = _header(headers, PRIORITY_HEADER, PRIORITIES)
    wanted: Priority | None = _agreed(asked.priority, named, PRIORITY_HEADER)
    return Treatment(
        priority=_lower(wanted, caller.priority),
        tenant=caller.tenant,
        cache_salt=caller.tenant if cache_per_key else "",
        explain_cache=explain or False,
    )


def _lower(wanted: Priority | None, bound: Priority) -> Priority:
    """The less urgent of the two."""
    order = list(PRIORITIES)
    if wanted is None or order.index(wanted) < order.index(bound):
        return bound
    return wanted


def _header(headers: Headers, name: str, known: dict[str, Value]) -> Value | None:
    given = {value.strip().lower() for value in headers.getlist(name)}
    if not given:
        return None
    if len(given) > 1 or not given <= known.keys():
        choices = ", ".join(repr(choice) for choice in known)
        raise InvalidRequest(f"{name} must be one of {choices}.", name)
    return known[given.pop()]


def _agreed(body: Value | None, header: Value | None, name: str) -> Value | None:
    if body is not None and header is not None and body != header:
        raise InvalidRequest(f"{name} differs from the body's own word; give one of them.", name)
    return header if body is None else body
