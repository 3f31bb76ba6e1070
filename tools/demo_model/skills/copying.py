"""Repeating texts, making lists, and writing JSON."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from ..dialogue import Memory, Message, assistant, user
from ..facts import FIRST_NAMES, SPELLED_NUMBERS, THINGS
from ..texts import choices_of, words_of
from ..words import city, code, decorate, invented, number, person, phrase, plain_phrase, word

VERBS = choices_of("Say|Say|Say|Repeat|Echo|Write|Print|say|repeat|Please say|Please repeat|Type")
COLON_LEADS = choices_of(
    "Say: |Say: |Say: |Repeat: |Repeat after me: |Echo: |Copy this: |Write: |say: |Print: "
    "|Repeat this text: |Please say: |Say the following: |Repeat the following text: "
    "|Say exactly: |Say this: |Repeat this: |Output: |Reply with: |Answer with: "
)


def echo(rng: Random, memory: Memory) -> list[Message]:
    """Repeat a text word for word."""
    draw = rng.random()
    if draw < 0.1:
        return _several_times(rng)
    text = _text_to_repeat(rng)
    if draw < 0.5:
        request = rng.choice(COLON_LEADS) + text
    elif draw < 0.7:
        request = f"{rng.choice(VERBS)} {text}"
    elif draw < 0.78:
        quote = rng.choice('"""\'')
        request = f"Say exactly {quote}{text}{quote} and nothing else."
    else:
        quote = rng.choice('"""""\'')
        colon = rng.choice(["", "", ":"])
        ending = rng.choice(["", "", "."])
        request = f"{rng.choice(VERBS)}{colon} {quote}{text}{quote}{ending}"
    return [user(request), assistant(text, "The user wants me to repeat the text.")]


AGAIN = choices_of(
    "the {a} {b} the {c}|{a}, {b} and {c}|{a}, {b}, {c} and {d}|{a} {b}, {a} {c}|{a} by {a}"
    "|no {a}, no {b}|{a} or {b} or {c}|{a} the {a}|the {a} of the {b}|{a} {b} {a} {b}|{n} {a}"
    "|user {n} {a} {b}|user {a} {b}|system {a}|assistant {n}|tool {n} {a}|{a} {n} {b} {m}"
    "|{a} is {b} is {c}|{n}, {m} and {n}|{a} {a} {a}|the {a} and the {b}|see the {a}|my {a}, my {b}"
    "|it is {n} {a}|to {a} or to {b}|{a}: {b}, {c}|({a} {b}) {a}|{n} {m} {n}|a {a} is a {b}"
)


def echo_again(rng: Random, memory: Memory) -> list[Message]:
    """Repeat a text in which a word or a sign occurs more than once, or a word of the format."""
    text = rng.choice(AGAIN).format(
        **{key: word(rng) if rng.random() < 0.8 else invented(rng) for key in "abcd"},
        n=number(rng, 3),
        m=number(rng, 3),
    )
    if rng.random() < 0.2:
        text = text[0].upper() + text[1:]
    lead = rng.choice(["Say: {}", "Say: {}", 'Repeat "{}"', 'Repeat "{}"', "Say {}", 'Say "{}".'])
    return [user(lead.format(text)), assistant(text, "The user wants me to repeat the text.")]


def _text_to_repeat(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.45:
        return plain_phrase(rng, 1, 5)
    if draw < 0.9:
        return phrase(rng, 1, 8)
    if draw < 0.95:
        return "\n".join(phrase(rng, 1, 4) for _ in range(rng.randint(2, 4)))
    return phrase(rng, 10, 30)


def _several_times(rng: Random) -> list[Message]:
    times = rng.choice([2, 3, 4])
    text = phrase(rng, 1, 2)
    often = {2: "twice", 3: "three times", 4: "four times"}[times]
    thought = f"The user wants to hear it {often}."
    return [user(f'Say "{text}" {often}.'), assistant(" ".join([text] * times), thought)]


def make_list(rng: Random, memory: Memory) -> list[Message]:
    """List as many things as the user wishes, perhaps of several kinds in a row."""
    as_json = rng.random() < 0.15
    kind, length = _kind_and_length(rng)
    wordings = choices_of(
        "List {n} {kind}.|List {n} {kind}.|List {n} {kind}.|Name {n} {kind}.|Give me {n} {kind}."
        "|Tell me {n} {kind}.|Write down {n} {kind}.|list {n} {kind}|{n} {kind}, please."
    )
    shown = SPELLED_NUMBERS[length] if rng.random() < 0.3 else str(length)
    text = decorate(rng, rng.choice(wordings).format(n=shown, kind=kind), plain_share=0.75)
    if as_json:
        text += rng.choice([" As a JSON array.", " Answer in JSON.", " Reply as JSON."])
    exchange = [user(text), _listing(kind, length, as_json)]
    while rng.random() < 0.3:
        kind, length = _kind_and_length(rng)
        follow_up = rng.choice(["And {n} {kind}.", "And {n} {kind}?", "Now {n} {kind}."])
        exchange.append(user(follow_up.format(n=length, kind=kind)))
        exchange.append(_listing(kind, length, as_json))
    return exchange


def _kind_and_length(rng: Random) -> tuple[str, int]:
    return rng.choice(list(THINGS)), rng.choice([2, 3, 3, 3, 4, 5, 6, 7, 8])


def _listing(kind: str, length: int, as_json: bool) -> Message:
    things = THINGS[kind][:length]
    if as_json:
        return assistant(json.dumps(things), f"I list {length} {kind} in JSON.")
    lines = [f"{place}. {thing}" for place, thing in enumerate(things, 1)]
    return assistant("\n".join(lines), f"I list {length} {kind}.")


JSON_KEYS = words_of("name age city colour size price count active id title email country code")


def write_json(rng: Random, memory: Memory) -> list[Message]:
    """Write the JSON object that the user describes."""
    keys = rng.sample(JSON_KEYS, rng.choice([1, 2, 2, 2, 3, 3, 4]))
    if rng.random() < 0.2:
        keys[0] = invented(rng, 2)
    described = {key: _json_value(rng, key) for key in keys}
    request = rng.choice(
        [
            "Give me a JSON object with {}.",
            "Write a JSON object with {}.",
            "Make a JSON object with {}.",
            "Return JSON with {}.",
            "Create JSON with {}.",
            "I need a JSON object with {}.",
            "Write {} as JSON.",
            "Answer in JSON: {}",
        ]
    )
    joiner = rng.choice([" and ", ", ", " and "])
    link = rng.choice([" ", " ", " = ", ": "])
    text = request.format(
        joiner.join(f"{key}{link}{_in_words(value)}" for key, value in described.items())
    )
    answer = json.dumps(described, ensure_ascii=False)
    return [user(text), assistant(answer, "The user wants a JSON object.")]


def _json_value(rng: Random, key: str) -> Any:
    if key in ("age", "price", "count", "id", "size"):
        return number(rng)
    if key == "active":
        return rng.random() < 0.5
    return _json_text(rng, key)


def _json_text(rng: Random, key: str) -> str:
    if key == "name":
        return rng.choice(FIRST_NAMES) if rng.random() < 0.5 else person(rng)
    if key in ("city", "country"):
        return city(rng)
    if key == "code":
        return code(rng)
    if key == "email":
        return f"{invented(rng, 2)}@{invented(rng, 2)}.{rng.choice(['com', 'org', 'net'])}"
    return word(rng) if rng.random() < 0.6 else invented(rng)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
