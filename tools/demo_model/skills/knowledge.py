"""Closed facts: capitals, colours, days, months, opposites."""

from __future__ import annotations

import json
from random import Random

from ..dialogue import Memory, Message, assistant, user
from ..facts import CAPITALS, COLOURS, DAYS, MIXTURES, MONTH_LENGTHS, MONTHS, OPPOSITES
from ..texts import choices_of
from ..words import decorate, invented

PLAIN_CAPITAL = "What is the capital of {}?"
CAPITAL_WORDINGS = choices_of(
    f"{PLAIN_CAPITAL}|{PLAIN_CAPITAL}|{PLAIN_CAPITAL}|{PLAIN_CAPITAL}|What's the capital of {{}}?"
    "|Tell me the capital of {}.|Which city is the capital of {}?|Name the capital of {}."
    "|What's the capital city of {}?|capital of {}?|Do you know the capital of {}?"
    "|I want to know the capital of {}.|what is the capital of {}|Capital of {}?"
    "|What is {}'s capital?|Which city is the capital city of {}?"
)
FOLLOW_UPS = choices_of(
    "And of {}?|And {}?|What about {}?|and of {}?|How about {}?|And the capital of {}?"
    "|And the one of {}?|and {}?|And for {}?"
)
ONE_WORD = [" Answer in one word.", " One word only.", " Just the name.", " Answer with one word."]
AS_JSON = [" Answer in JSON.", " Reply as JSON.", " Give the answer as a JSON object.", " As JSON."]


def _capital_answer(country: str, wish: str) -> Message:
    capital = CAPITALS[country]
    thought = f"The user asks for the capital of {country}. It is {capital}."
    if wish in ONE_WORD:
        return assistant(f"{capital}.", thought)
    if wish in AS_JSON:
        return assistant(json.dumps({"country": country, "capital": capital}), thought)
    return assistant(f"The capital of {country} is {capital}.", thought)


def _unknown_country(rng: Random) -> str:
    return invented(rng, 2).capitalize() + rng.choice(["ia", "land", "stan", ""])


def capital(rng: Random, memory: Memory) -> list[Message]:
    """Name a capital, perhaps several in a row."""
    draw = rng.random()
    if draw < 0.06:
        country = _unknown_country(rng)
        text = rng.choice(CAPITAL_WORDINGS).format(country)
        answer = f"I do not know the capital of {country}."
        asked = user(decorate(rng, text, keep_case=True))
        return [asked, assistant(answer, f"I do not know {country}.")]
    country = rng.choice(list(CAPITALS))
    if draw < 0.14:
        return _country_of_capital(rng, country)
    wish = ""
    if draw < 0.3:
        wish = rng.choice(ONE_WORD if draw < 0.22 else AS_JSON)
    text = rng.choice(CAPITAL_WORDINGS).format(country) + wish
    exchange = [user(decorate(rng, text, plain_share=0.7)), _capital_answer(country, wish)]
    while rng.random() < 0.35:
        country = rng.choice(list(CAPITALS))
        follow_up = user(rng.choice(FOLLOW_UPS).format(country))
        exchange += [follow_up, _capital_answer(country, wish)]
    return exchange


def _country_of_capital(rng: Random, country: str) -> list[Message]:
    capital_name = CAPITALS[country]
    text = rng.choice(
        [
            f"{capital_name} is the capital of which country?",
            f"Which country has the capital {capital_name}?",
        ]
    )
    answer = f"{capital_name} is the capital of {country}."
    thought = f"{capital_name} belongs to {country}."
    return [user(decorate(rng, text)), assistant(answer, thought)]


def colour(rng: Random, memory: Memory) -> list[Message]:
    """Name the colour of a thing, or of a mixture."""
    if rng.random() < 0.25:
        (first, second), mixed = rng.choice(list(MIXTURES.items()))
        if rng.random() < 0.5:
            first, second = second, first
        text = rng.choice(
            [
                f"What colour do you get from {first} and {second}?",
                f"Mix {first} and {second}.",
                f"Which colour is {first} mixed with {second}?",
            ]
        )
        answer = f"{first.capitalize()} and {second} make {mixed}."
        thought = f"{first} and {second} give {mixed}."
        return [user(decorate(rng, text)), assistant(answer, thought)]
    thing = rng.choice(list(COLOURS))
    wording = rng.choice(
        [
            "What {colour} is {thing}?",
            "What {colour} is {thing}?",
            "Which {colour} has {thing}?",
            "Tell me the {colour} of {thing}.",
            "What is the {colour} of {thing}?",
        ]
    )
    text = wording.format(colour=rng.choice(["colour", "color"]), thing=thing)
    exchange = [user(decorate(rng, text)), _colour_answer(thing)]
    while rng.random() < 0.25:
        thing = rng.choice(list(COLOURS))
        follow_up = rng.choice(["And {}?", "And of {}?", "What about {}?", "How about {}?"])
        exchange += [user(follow_up.format(thing)), _colour_answer(thing)]
    return exchange


def _colour_answer(thing: str) -> Message:
    answer = f"{thing[0].upper()}{thing[1:]} is {COLOURS[thing]}."
    return assistant(answer, f"{thing} is {COLOURS[thing]}.")


def calendar(rng: Random, memory: Memory) -> list[Message]:
    """Answer about days and months."""
    draw = rng.random()
    if draw < 0.7:
        return _neighbour(rng, after=draw < 0.4)
    if draw < 0.85:
        month = rng.choice(MONTHS)
        text = rng.choice([f"How many days has {month}?", f"How many days are in {month}?"])
        answer = f"{month} has {MONTH_LENGTHS[month]} days."
        return [user(decorate(rng, text)), assistant(answer, f"{month}: {MONTH_LENGTHS[month]}.")]
    if draw < 0.93:
        wordings = "List the days of the week.|Name all days of the week.|What are the weekdays?"
        text = decorate(rng, rng.choice(choices_of(wordings)))
        return [user(text), assistant(", ".join(DAYS), "There are seven days.")]
    wordings = "List the months of the year.|Name all months.|What are the months?"
    text = decorate(rng, rng.choice(choices_of(wordings)))
    return [user(text), assistant(", ".join(MONTHS), "There are twelve months.")]


def _neighbour(rng: Random, after: bool) -> list[Message]:
    names, noun = (DAYS, "day") if rng.random() < 0.5 else (MONTHS, "month")
    index = rng.randrange(len(names))
    side = "after" if after else "before"
    neighbour = names[(index + (1 if after else -1)) % len(names)]
    wordings = [
        f"Which {noun} comes {side} {names[index]}?",
        f"What is the {noun} {side} {names[index]}?",
        f"What {noun} comes {side} {names[index]}?",
        f"What comes {side} {names[index]}?",
    ]
    answer = f"{neighbour} comes {side} {names[index]}."
    thought = f"The {noun} {side} {names[index]} is {neighbour}."
    return [user(decorate(rng, rng.choice(wordings))), assistant(answer, thought)]


def opposite(rng: Random, memory: Memory) -> list[Message]:
    """Name the opposite of a word."""
    first, second = rng.choice(list(OPPOSITES.items()))
    if rng.random() < 0.5:
        first, second = second, first
    wordings = [f"What is the opposite of {first}?", f"The opposite of {first}?"]
    answer = f"The opposite of {first} is {second}."
    thought = f"{first} and {second} are opposites."
    return [user(decorate(rng, rng.choice(wordings))), assistant(answer, thought)]
