"""What the parameters of plainly worded tools stand for, and how people speak of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ..facts import CITIES, DAYS, FIRST_NAMES, MONTHS, ROOMS
from ..texts import choices_of, words_of
from ..words import city, code, invented, number, person, phrase, plain_phrase, word
from .parameters import CHOICES


@dataclass(frozen=True)
class Concept:
    """A meaning that a parameter can have.

    In names, descriptions and clauses ``{n}`` is the noun of the tool, ``{p}`` the words of the
    parameter's name and ``{v}`` the value. A clause that begins with ``{n}`` replaces the noun.
    ``group`` keeps two parameters of like meaning out of one tool.
    """

    group: str
    names: tuple[str, ...]
    type_names: tuple[str, ...]
    draw: Callable[[Random], Any]
    clauses: tuple[str, ...]
    descriptions: tuple[str, ...] = ("The {p}", "The {p}", "The {p} of the {n}")
    weight: float = 1.0
    joins: bool = True
    quoted: float = 0.0
    chooses: bool = False


def _room(rng: Random) -> str:
    return rng.choice(ROOMS) if rng.random() < 0.6 else word(rng)


def _town(rng: Random) -> str:
    return rng.choice(CITIES) if rng.random() < 0.6 else city(rng)


def _named(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.35:
        return rng.choice(FIRST_NAMES)
    return invented(rng, 2).capitalize() if draw < 0.75 else word(rng).capitalize()


def _mail(rng: Random) -> str:
    left = person(rng).lower() if rng.random() < 0.6 else word(rng)
    right = word(rng) if rng.random() < 0.5 else invented(rng, 2)
    return f"{left}@{right}.{rng.choice(['com', 'com', 'org', 'net', 'io'])}"


def _amount(rng: Random) -> float | int:
    if rng.random() < 0.5:
        return number(rng, 3)
    return rng.randint(1, 300) + rng.choice([0.5, 0.5, 0.25, rng.randint(1, 9) / 10])


def _clock(rng: Random) -> str:
    return f"{rng.randint(0, 23):02d}:{rng.choice(['00', '15', '30', '30', '45'])}"


def _day(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.65:
        return rng.choice(DAYS)
    return rng.choice(["today", "tomorrow"]) if draw < 0.8 else _date(rng)


def _date(rng: Random) -> str:
    if rng.random() < 0.5:
        return f"{rng.choice(MONTHS)} {rng.randint(1, 28)}"
    return f"{rng.randint(2024, 2031)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _title(rng: Random) -> str:
    text = plain_phrase(rng, 1, 4) if rng.random() < 0.8 else phrase(rng, 1, 4)
    return text[0].upper() + text[1:] if rng.random() < 0.6 else text


def _some_level(rng: Random) -> Any:
    return number(rng, 3)


AFTER_NOUN = ("{n} {v}", "{n} {v}", "{n} {v}", "{n} number {v}", "{n} with the {p} {v}")
MEASURED = ("with a {p} of {v}", "with {p} {v}", "with the {p} {v}", "with a {p} of {v}")
IDENTIFIERS = choices_of(
    "{n}_id|{n}_id|{n}_number|{n}|id|number|{n}_no|{n}_ref|{n}_code|code|reference_number|serial"
    "|serial_number|key|member_number"
)
CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "identifier",
        IDENTIFIERS,
        ("integer",),
        lambda rng: number(rng, 5),
        AFTER_NOUN,
        ("The {n}", "The number of the {n}", "Which {n}", "The {p}", "The {p}, e.g. 12"),
        weight=2.6,
    ),
    Concept(
        "identifier",
        IDENTIFIERS,
        ("string",),
        code,
        AFTER_NOUN,
        ("The {n}", "The number of the {n}", "The {p}", "The {p}, e.g. KL-203", "Which {n}"),
        weight=2.2,
    ),
    Concept("room", ("room", "room", "where", "place"), ("string",), _room, ("in the {v}",) * 3,
            ("The room", "Where it is", "The {p}"), weight=1.8),
    Concept(
        "room",
        words_of("location city town site place station airport office"),
        ("string",),
        _town,
        ("in {v}", "in {v}", "at {v}"),
        ("The city", "Where it is", "The {p}"),
        weight=1.2,
    ),
    Concept(
        "room",
        words_of("location position area place"),
        ("string",),
        _room,
        ("in the {v}", "at the {v}"),
        ("Where it is", "The {p}"),
    ),
    Concept(
        "target",
        words_of("to destination target city address port"),
        ("string",),
        _town,
        ("to {v}",),
        ("The city", "The {p}", "Where to"),
        weight=1.3,
    ),
    Concept(
        "venue",
        words_of("hotel cafe museum theatre shop bank school airline club bakery gym company"),
        ("string",),
        _named,
        ("at {v}", "at {v}", "from {v}", "with {p} {v}"),
        weight=1.5,
    ),
    Concept(
        "role",
        words_of("teacher coach dentist driver nurse guide lawyer singer partner captain friend"),
        ("string",),
        _named,
        ("with {p} {v}", "with the {p} {v}", "with {p} {v}", "with {v}"),
        weight=1.5,
    ),
    Concept(
        "person",
        words_of("name name visitor owner customer user student client person employee"),
        ("string",),
        _named,
        ("for {v}", "for {v}", "for {v}", "of {v}", "for the {p} {v}"),
        ("The {p}", "The name", "The name on the {n}", "Who"),
        weight=2.0,
    ),
    Concept("person", ("email", "email", "mail", "contact"), ("string",), _mail,
            ("for {v}", "of {v}", "of {v}", "for {v}", "with the {p} {v}"),
            ("The email address", "The {p}")),
    Concept(
        "count",
        words_of("people seats adults nights copies bottles players guests boxes pieces children"),
        ("integer",),
        lambda rng: rng.randint(2, 40),
        ("for {v} {p}", "for {v} {p}", "with {v} {p}", "with {p} {v}"),
        ("How many {p}", "The {p}", "The number of {p}"),
        weight=1.8,
        joins=False,
    ),
    Concept(
        "duration",
        words_of("minutes hours seconds days weeks duration"),
        ("integer",),
        lambda rng: rng.randint(1, 90),
        ("for {v} {p}", "for {v} {p}", "with {p} {v}"),
        ("For how long", "How long", "The {p}"),
        weight=1.8,
        joins=False,
    ),
    Concept(
        "level",
        words_of("degrees brightness volume speed pressure humidity power value target warmth"),
        ("number", "integer"),
        _amount,
        ("to {v}", "to {v}", "to {v}", "to {v} {p}", "with {p} {v}"),
        ("The {p}", "How much", "The new {p}"),
        weight=1.8,
        joins=False,
    ),
    Concept(
        "level",
        words_of("level page stage step channel track lane row shelf station line"),
        ("integer",),
        lambda rng: rng.randint(1, 60),
        ("to {p} {v}", "to {p} {v}", "to {p} {v}", "at {p} {v}", "in {p} {v}"),
        weight=1.8,
    ),
    Concept(
        "level",
        words_of("area section sector lane level row block unit part line"),
        ("integer",),
        lambda rng: rng.randint(1, 60),
        ("in {p} {v}", "on {p} {v}", "with {p} {v}"),
        weight=1.5,
    ),
    Concept("day", ("day", "day", "date", "weekday", "when"), ("string",), _day,
            ("on {v}", "on {v}", "on {v}", "for {v}"), ("The day", "The {p}"), weight=2.2),
    Concept("time", ("time", "time", "start", "hour", "at"), ("string",), _clock,
            ("at {v}",) * 3, ("The time", "The {p}"), weight=1.6),
    Concept(
        "title",
        words_of("title name label topic subject heading theme"),
        ("string",),
        _title,
        choices_of(
            "called {v}|with the {p} {v}|with the {p} {v}|titled {v}|about {v}|named {v}"
        ),
        ("The {p}", "The {p} of the {n}"),
        weight=2.4,
        quoted=0.8,
    ),
    Concept(
        "amount",
        words_of("amount weight price budget length width size total tip"),
        ("number",),
        _amount,
        MEASURED,
        ("The {p}", "The {p} in kg", "How much", "The {p} of the {n}"),
        weight=1.8,
        joins=False,
    ),
    Concept(
        "amount",
        words_of("width depth distance height radius angle age speed"),
        ("integer",),
        _some_level,
        MEASURED,
        ("Meters", "The {p}", "How much"),
        weight=1.6,
    ),
    Concept(
        "choice",
        words_of("priority mode color size speed format style status type theme shape"),
        ("string",),
        word,
        ("with {v} {p}", "with {p} {v}", "with {p} {v}", "with the {p} {v}", "in {v} {p}"),
        ("The {p}", "How {p} it is", "The {p} of the {n}"),
        weight=3.0,
        joins=False,
        chooses=True,
    ),
    Concept(
        "switch",
        words_of("verbose urgent public express silent private full fast notify gift force active"),
        ("boolean",),
        lambda rng: rng.random() < 0.75,
        ("with {p} {v}", "with {p} {v}", "with {p} set to {v}"),
        ("Show details", "Whether it is {p}", "{p}", "Be {p}"),
        weight=3.0,
        joins=False,
    ),
)  # fmt: skip


def draw_choices(rng: Random) -> tuple[str, ...]:
    """Draw the values of an enum."""
    if rng.random() < 0.5:
        return rng.choice(CHOICES)
    return tuple(dict.fromkeys(word(rng) for _ in range(rng.choice([2, 2, 3, 3]))))
