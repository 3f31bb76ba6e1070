"""Kinds of parameters for invented tools: names, types, values, and how people speak of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ..facts import CURRENCIES, DAYS, LANGUAGES, MONTHS, ROOMS
from ..texts import words_of
from ..words import city, code, invented, number, person, phrase, plain_phrase, word

EXPLICIT = ("{p} {v}", "{p} {v}", "{p}={v}", "{p}: {v}", "{p} set to {v}", "{p} = {v}")
"""How any parameter can be named together with its value."""


@dataclass(frozen=True)
class ParameterKind:
    """A kind of parameter.

    In the natural wordings ``{v}`` is the value, ``{p}`` the words of the parameter's name, and
    ``{n}`` the words of the tool's noun.
    """

    names: tuple[str, ...]
    type_name: str
    draw: Callable[[Random], Any]
    natural: tuple[str, ...]
    quoted: bool = False
    joins: bool = True
    weight: float = 1.0


@dataclass(frozen=True)
class Parameter:
    """A parameter of one invented tool; ``choices`` are the values of an enum."""

    name: str
    words: str
    kind: ParameterKind
    choices: tuple[str, ...] = ()

    def value(self, rng: Random) -> Any:
        """Draw a value."""
        return rng.choice(self.choices) if self.choices else self.kind.draw(rng)

    def in_words(self, value: Any, rng: Random) -> str:
        """Return a value as the user writes it."""
        if isinstance(value, str) and self.kind.quoted and rng.random() < 0.75:
            return f'"{value}"'
        return str(value)


def _date(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(DAYS)
    if draw < 0.7:
        return f"{rng.randint(2024, 2031)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if draw < 0.85:
        return f"{rng.choice(MONTHS)} {rng.randint(1, 28)}"
    return rng.choice(["today", "tomorrow", "tonight"])


def _clock(rng: Random) -> str:
    if rng.random() < 0.7:
        return f"{rng.randint(0, 23):02d}:{rng.choice(['00', '15', '30', '45'])}"
    return f"{rng.randint(1, 12)} {rng.choice(['am', 'pm'])}"


def _decimal(rng: Random) -> float | int:
    return round(rng.uniform(0, 200), 1) if rng.random() < 0.5 else rng.randint(0, 200)


def _name_or_word(rng: Random) -> str:
    return person(rng) if rng.random() < 0.5 else rng.choice([word(rng), invented(rng, 2)])


def _place(rng: Random) -> str:
    return city(rng) if rng.random() < 0.7 else rng.choice(ROOMS)


def _mail(rng: Random) -> str:
    return f"{invented(rng, 2)}@{invented(rng, 2)}.{rng.choice(['com', 'org', 'net', 'io'])}"


NUMBERED = ("{n} {v}", "{n} {v}", "{n} number {v}", "{n} with the {p} {v}", "{n} with {p} {v}")
AMOUNT = ("to {v}", "with a {p} of {v}", "with {v} {p}", "with {p} {v}", "with the {p} {v}")
PERSON = ("for {v}", "for {v}", "to {v}", "with {p} {v}", "for the {p} {v}")
PLACE = ("in {v}", "in {v}", "at {v}", "in the {v}", "with the {p} {v}")
TEXT = ("with the {p} {v}", "with {p} {v}", "saying {v}", "called {v}", "titled {v}", "about {v}")
DATE = ("on {v}", "for {v}", "on {v}", "with the {p} {v}")
TIME = ("at {v}", "at {v}", "for {v}", "with the {p} {v}")
CHOICE = ("with {v} {p}", "with {p} {v}", "with the {p} {v}", "in {v} {p}", "as {v}", "{p} {v}")

KINDS: tuple[ParameterKind, ...] = (
    ParameterKind(("id", "number", "code", "ref", "key"), "integer", number, NUMBERED, weight=2.0),
    ParameterKind(("id", "code", "ref", "serial", "sku", "token"), "string", code, NUMBERED),
    ParameterKind(
        words_of("level amount size limit percent volume speed degrees target length"),
        "integer",
        lambda rng: number(rng, 3),
        AMOUNT,
        weight=2.0,
    ),
    ParameterKind(
        words_of("count quantity copies people guests seats pages items days hours"),
        "integer",
        lambda rng: rng.randint(1, 60),
        ("for {v} {p}", "with {v} {p}", "of {v} {p}", "{v} {p}", "with {p} {v}"),
        joins=False,
        weight=1.5,
    ),
    ParameterKind(
        words_of("amount price weight height width total value ratio"),
        "number",
        _decimal,
        AMOUNT,
    ),
    ParameterKind(
        words_of("title name label topic subject heading"),
        "string",
        lambda rng: plain_phrase(rng, 1, 4),
        TEXT,
        quoted=True,
        weight=1.5,
    ),
    ParameterKind(
        words_of("text message note content body description comment reason"),
        "string",
        lambda rng: phrase(rng, 1, 5),
        TEXT,
        quoted=True,
        weight=1.5,
    ),
    ParameterKind(
        words_of("name user owner customer recipient contact member guest author"),
        "string",
        person,
        PERSON,
        weight=1.5,
    ),
    ParameterKind(
        words_of("city location place room area region destination address"),
        "string",
        _place,
        PLACE,
        weight=1.5,
    ),
    ParameterKind(("date", "day", "due", "due_date", "when"), "string", _date, DATE),
    ParameterKind(("time", "start", "start_time", "hour", "at"), "string", _clock, TIME),
    ParameterKind(("email", "mail", "address"), "string", _mail, PERSON, weight=0.7),
    ParameterKind(
        ("language", "lang"), "string", lambda rng: rng.choice(LANGUAGES), ("in {v}",), weight=0.4
    ),
    ParameterKind(("currency",), "string", lambda rng: rng.choice(CURRENCIES), ("in {v}",)),
    ParameterKind(words_of("category type tag group brand model"), "string", _name_or_word, CHOICE),
)
CHOOSING = ParameterKind(
    words_of("priority mode status color size format unit type kind level style theme shape speed"),
    "string",
    word,
    CHOICE,
)
CHOICES: tuple[tuple[str, ...], ...] = (
    ("low", "medium", "high"),
    ("low", "normal", "urgent"),
    ("open", "closed"),
    ("on", "off", "auto"),
    ("fast", "slow"),
    ("red", "green", "blue"),
    ("small", "medium", "large"),
    ("json", "csv", "xml"),
    ("pdf", "html"),
    ("day", "week", "month"),
    ("kg", "lb"),
    ("km", "miles"),
    ("eco", "normal", "boost"),
    ("bug", "feature", "question"),
    ("asc", "desc"),
    ("public", "private"),
)
SWITCH = ParameterKind(
    words_of(
        "verbose urgent enabled active notify public force dry_run silent locked recursive express "
        "full fast include_tax include_items gift archived"
    ),
    "boolean",
    lambda rng: rng.random() < 0.6,
    (),
    joins=False,
)
TRUE_WORDINGS = ("{p} true", "{p} on", "with {p}", "{p}=true", "{p} set to true", "{p}: true")
FALSE_WORDINGS = ("{p} false", "{p} off", "without {p}", "{p}=false", "{p} set to false")


def draw_parameter(rng: Random, novelty: float) -> Parameter:
    """Draw a parameter of any kind."""
    draw = rng.random()
    if draw < 0.14:
        return _named(rng, novelty, CHOOSING, _choices(rng))
    if draw < 0.28:
        return _named(rng, novelty, SWITCH)
    kind = rng.choices(KINDS, [kind.weight for kind in KINDS])[0]
    return _named(rng, novelty, kind)


def _named(
    rng: Random, novelty: float, kind: ParameterKind, choices: tuple[str, ...] = ()
) -> Parameter:
    name = rng.choice(kind.names)
    draw = rng.random()
    if draw < 0.1:
        name = invented(rng, rng.choice([1, 2]))
    elif draw < 0.25:
        name = f"{rng.choice([word(rng), invented(rng, 1)])}_{name}"
    elif draw < novelty + 0.15:
        name = word(rng)
    return Parameter(name, name.replace("_", " "), kind, choices)


def _choices(rng: Random) -> tuple[str, ...]:
    if rng.random() < 0.6:
        return rng.choice(CHOICES)
    return tuple(dict.fromkeys(word(rng) for _ in range(rng.choice([2, 3, 4]))))
