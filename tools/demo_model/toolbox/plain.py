"""Tools such as people really offer, with requests as people really word them.

Unlike in ``invented.py`` a parameter has the name of what it stands for, and the request follows
it: *Rent a boat at Neptun for 3 people on Sunday.* Nouns, verbs and values vary.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from ..texts import choices_of, words_of
from ..words import invented, word
from .concepts import CONCEPTS, Concept, draw_choices
from .held_out import is_for_the_gate
from .invented import NOUNS, VERBS
from .results import draw_result
from .schema import Request, Tool, distinct, function, listed, parameter

PLAIN_VERBS = words_of(
    "rent hire find open close start stop clean check repair ship order ask warn wake fill empty "
    "load drop lift lower raise push pull drive park paint plan move show hide share copy edit "
    "save reset renew return review rate sell buy trade swap watch water heat cool dry wash cook "
    "bake brew cut fold pack unpack sort scan sign stamp seal test tune turn use visit weigh wrap "
    "invite greet join leave enter exit approve reject accept confirm extend freeze launch land "
    "inspect notify enable disable archive restore merge split mark mute pause resume record "
    "refill replace reboot run skip ring call_off switch"
)
LOCATIONS = ("", "", "", " in the shop", " in the garden", " of a customer", " of the house")


@dataclass(frozen=True)
class _Slot:
    name: str
    concept: Concept
    type_name: str
    optional: bool
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    def value(self, rng: Random) -> Any:
        return rng.choice(self.choices) if self.choices else self.concept.draw(rng)


@dataclass(frozen=True)
class _Deed:
    name: str
    verb: str
    noun: str
    synonyms: tuple[str, ...]


def plain_tool(rng: Random, like: Tool | None = None) -> Tool:
    """Put together a tool; ``like`` asks for one that shares its verb or its noun."""
    deed = _draw_deed(rng, like)
    slots = _draw_slots(rng, deed)
    properties = {slot.name: _schema(rng, slot, deed) for slot in slots}
    required = [slot.name for slot in slots if not slot.optional]
    schema = function(rng, deed.name, _description(rng, deed), properties, required)
    joined = [slot for slot in slots if slot.concept.joins and not slot.optional]

    def ask(rng: Random, calls: int) -> Request:
        return _request(rng, deed, slots, calls)

    triggers = (deed.noun, deed.name.lower())
    return Tool("invented", schema, ask, triggers, most_calls=3 if joined else 1)


def _draw_deed(rng: Random, like: Tool | None) -> _Deed:
    while is_for_the_gate((deed := _any_deed(rng, like)).name):
        continue
    return deed


def _any_deed(rng: Random, like: Tool | None) -> _Deed:
    draw = rng.random()
    noun = rng.choice(NOUNS) if draw < 0.75 else word(rng) if draw < 0.86 else invented(rng, 2)
    draw = rng.random()
    verb = rng.choice(list(VERBS)) if draw < 0.4 else rng.choice(PLAIN_VERBS)
    if draw > 0.82:
        verb = word(rng) if draw < 0.91 else invented(rng, rng.choice([1, 2]))
    parts = like.name.split("_") if like else []
    if len(parts) == 2:
        verb, noun = (parts[0], noun) if rng.random() < 0.6 else (verb, parts[1])
    synonyms = choices_of(VERBS[verb]) if verb in VERBS else ()
    return _Deed(_deed_name(rng, verb, noun), verb.replace("_", " "), noun, tuple(synonyms))


def _deed_name(rng: Random, verb: str, noun: str) -> str:
    draw = rng.random()
    if draw < 0.86:
        return f"{verb}_{noun}"
    if draw < 0.93:
        return verb + noun.capitalize()
    return f"{verb}-{noun}" if draw < 0.96 else f"{noun}_{verb}"


def _draw_slots(rng: Random, deed: _Deed) -> list[_Slot]:
    wanted = rng.choice([0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    slots: dict[str, _Slot] = {}
    groups: set[str] = set()
    for _ in range(20):
        if len(slots) >= wanted:
            break
        concept = rng.choices(CONCEPTS, [each.weight for each in CONCEPTS])[0]
        slot = _draw_slot(rng, concept, deed, first=not slots)
        if concept.group not in groups and slot.name not in slots:
            groups.add(concept.group)
            slots[slot.name] = slot
    return list(slots.values())


def _draw_slot(rng: Random, concept: Concept, deed: _Deed, first: bool) -> _Slot:
    name = rng.choice(concept.names).format(n=deed.noun)
    if concept.group in ("venue", "role", "level", "choice", "switch", "count", "amount"):
        name = word(rng) if rng.random() < 0.14 else name
    elif rng.random() < 0.08:
        name = f"{word(rng)}_{name}"
    chance = 0.8 if concept.group == "switch" else 0.1 if first else 0.4
    choices = draw_choices(rng) if concept.chooses else ()
    type_name = rng.choice(concept.type_names)
    return _Slot(name, concept, type_name, rng.random() < chance, choices)


def _schema(rng: Random, slot: _Slot, deed: _Deed) -> dict[str, Any]:
    description = ""
    if rng.random() < 0.8:
        wording = rng.choice(slot.concept.descriptions)
        description = wording.format(n=deed.noun, p=slot.words)
    schema = parameter(slot.type_name, description)
    if slot.choices:
        schema["enum"] = list(slot.choices)
    return schema


def _description(rng: Random, deed: _Deed) -> str:
    if rng.random() < 0.15:
        return ""
    verb = rng.choice((deed.verb, deed.verb, *deed.synonyms))
    article = rng.choice(["a", "a", "the", "an existing"])
    return f"{verb.capitalize()} {article} {deed.noun}{rng.choice(LOCATIONS)}"


def _request(rng: Random, deed: _Deed, slots: list[_Slot], calls: int) -> Request:
    used = [slot for slot in slots if not slot.optional or rng.random() < 0.65]
    values = {slot.name: [_value(rng, slot)] * calls for slot in used}
    plural = False
    if calls > 1:
        varied = rng.choice([s for s in used if s.concept.joins and not s.optional])
        values[varied.name] = distinct(rng, varied.value, calls)
        plural = varied.concept.group == "identifier" and rng.random() < 0.5
    text = _text(rng, deed, [(slot, _shown(rng, slot, values[slot.name])) for slot in used], plural)
    arguments = tuple({name: drawn[i] for name, drawn in values.items()} for i in range(calls))
    results, answers = zip(*(draw_result(rng) for _ in range(calls)), strict=True)
    return Request(text, arguments, results, " ".join(answers))


def _value(rng: Random, slot: _Slot) -> Any:
    value = slot.value(rng)
    return int(value) if slot.type_name == "integer" else value


def _shown(rng: Random, slot: _Slot, drawn: list[Any]) -> str:
    if isinstance(drawn[0], bool):
        return "true" if drawn[0] else "false"
    quote = '"' if rng.random() < slot.concept.quoted else ""
    return listed([f"{quote}{value}{quote}" for value in dict.fromkeys(drawn)])


def _text(rng: Random, deed: _Deed, said: list[tuple[_Slot, str]], plural: bool) -> str:
    verb = deed.verb if rng.random() < 0.6 else rng.choice((deed.verb, *deed.synonyms))
    noun = _plural(deed.noun) if plural else deed.noun
    draw = rng.random()
    if draw < 0.12:
        return _by_name(rng, deed, said)
    article = rng.choice(["the", "the", "a", "a", "my", ""])
    thing = f"{article} {noun}".strip()
    clauses = []
    for slot, value in said:
        wordings = ("with {p} {v}",) if draw < 0.25 and not plural else slot.concept.clauses
        wording = rng.choice(AFTER_PLURAL if plural and "{n}" in wordings[0] else wordings)
        clause = wording.format(n=noun, p=slot.words, v=value)
        if wording.startswith("{n}"):
            thing = f"{rng.choice(['', '', 'the', 'the'])} {clause}".strip()
        else:
            clauses.append(clause)
    return _framed(rng, f"{verb} {thing} {_in_a_row(rng, clauses)}".strip())


AFTER_PLURAL = ("{n} {v}", "{n} {v}", "{n} number {v}")


def _in_a_row(rng: Random, clauses: list[str]) -> str:
    """Put the clauses one after the other; those that begin with *with* become a pair."""
    if len(clauses) > 1 and rng.random() < 0.15:
        rng.shuffle(clauses)
    pairs = [clause for clause in clauses if clause.startswith("with ")]
    others = [clause for clause in clauses if not clause.startswith("with ")]
    if pairs:
        others.append("with " + listed([pair.removeprefix("with ") for pair in pairs]))
    return " ".join(others)


def _by_name(rng: Random, deed: _Deed, said: list[tuple[_Slot, str]]) -> str:
    lead = rng.choice(["Call", "Use", "Run", "Please call", "Please use"]) + f" {deed.name}"
    clauses = [f"{slot.name} {value}" for slot, value in said]
    return f"{lead} with {listed(clauses)}." if clauses else f"{lead}."


def _framed(rng: Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.7:
        return f"{text[0].upper()}{text[1:]}."
    if draw < 0.82:
        return f"Please {text}."
    if draw < 0.92:
        return f"Can you {text}?"
    return rng.choice(["Could you {}?", "I want to {}.", "{} please", "{}"]).format(text)


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
