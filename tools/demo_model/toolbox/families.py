"""Tools of everyday life, with varied names, parameters and wordings."""

from __future__ import annotations

from random import Random
from typing import Any

from ..facts import CURRENCIES, LANGUAGES, ROOMS
from ..texts import choices_of, words_of
from ..words import city, decorate, invented, number, person, phrase
from .results import draw_result
from .schema import Request, Tool, as_json, describe, distinct, function, listed, parameter

SKIES = words_of("sunny cloudy rainy windy snowy foggy clear stormy")


def _single(text: str, arguments: dict[str, Any], result: str, answer: str) -> Request:
    return Request(text, (arguments,), (result,), answer)


def weather(rng: Random) -> Tool:
    """The weather of a place."""
    names = "get_weather|weather|get_current_weather|weather_lookup|fetch_weather|getWeather"
    name = rng.choice(choices_of(names + "|forecast|current_weather|get_weather"))
    key = rng.choice(choices_of("city|location|location|place|town|city_name"))
    hints = ["The city", "City name", "Name of the place", "City and country, e.g. Oslo, Norway"]
    hints += ["The city and state, e.g. San Francisco, CA", "The city, e.g. Bogota"]
    parameters = {key: parameter("string", describe(rng, *hints))}
    units = rng.choice([["celsius", "fahrenheit"], ["metric", "imperial"], ["C", "F"]])
    unit_key = rng.choice(["unit", "unit", "units"]) if rng.random() < 0.45 else ""
    if unit_key:
        parameters[unit_key] = parameter("string", describe(rng, "The unit"), enum=units)
    told = "Get the weather for a city|Current weather of a place|Returns the weather"
    told += "|Get the current weather in a given location|Get current temperature for a location"

    def ask(rng: Random, calls: int) -> Request:
        cities = distinct(rng, city, calls)
        wordings = (
            "What is the weather in {}?|What's the weather in {}?|How is the weather in {}?"
            "|Tell me the weather in {}.|Weather in {}?|What's the weather like in {} today?"
            "|Is it raining in {}?|Will it be sunny in {}?|I am going to {}. How is the weather?"
            "|What is the weather like in {}?|How warm is it in {}?|Check the weather in {}."
            "|Get the weather for {}.|What is the temperature in {}?"
            "|How is the weather in {} today?|What is the weather in {} today?"
            "|Weather in {} today?|Is it cold in {} today?|What is it like in {} today?"
            "|Tell me the weather in {} today."
        )
        text = rng.choice(choices_of(wordings)).format(listed(cities))
        arguments = [{key: place} for place in cities]
        if unit_key and rng.random() < 0.4:
            unit = rng.choice(units)
            text += rng.choice([" Use {}.", " In {}, please.", " In {}."]).format(unit)
            arguments = [each | {unit_key: unit} for each in arguments]
        results, answers = zip(*(_weather_report(rng, key, place) for place in cities), strict=True)
        text = decorate(rng, text, 0.8, keep_case=True)
        return Request(text, tuple(arguments), results, " ".join(answers))

    triggers = ("weather", "rain", "sunny", "warm", "temperature")
    schema = function(rng, name, describe(rng, *choices_of(told)), parameters, [key])
    return Tool("weather", schema, ask, triggers)


def _weather_report(rng: Random, key: str, place: str) -> tuple[str, str]:
    degrees, sky = rng.randint(-9, 39), rng.choice(SKIES)
    report = rng.choice(
        [
            as_json({"temperature": degrees, "condition": sky}),
            as_json({key: place, "temperature": degrees, "condition": sky}),
            as_json({"temperature": degrees, "conditions": sky}),
            as_json({"temp": degrees, "weather": sky}),
            as_json({"temperature": str(degrees), "unit": "celsius", "condition": sky}),
            f"{degrees} degrees, {sky}",
            f"{degrees}°C and {sky}",
            f"{sky}, {degrees} degrees",
        ]
    )
    return report, f"It is {degrees} degrees and {sky} in {place}."


def calculator(rng: Random) -> Tool:
    """A sum of two numbers."""
    operation, spoken, names = rng.choice(
        [
            ("+", "plus", "add|add_numbers|sum|sum_two|addition"),
            ("*", "times", "multiply|mul|multiply_numbers|product"),
            ("-", "minus", "subtract|sub|difference"),
        ]
    )
    name = rng.choice(choices_of(names))
    pairs = [("a", "b"), ("x", "y"), ("first", "second"), ("left", "right"), ("num1", "num2")]
    left, right = rng.choice(pairs)
    type_name = rng.choice(["integer", "number"])
    told = describe(rng, f"Computes {left} {operation} {right}", f"{name} two numbers")

    def ask(rng: Random, calls: int) -> Request:
        first, second = number(rng), number(rng)
        value = {"+": first + second, "*": first * second, "-": first - second}[operation]
        wordings = {
            "+": f"Add {first} and {second}.",
            "*": f"Multiply {first} by {second}.",
            "-": f"Subtract {second} from {first}.",
        }
        text = rng.choice(
            [
                f"What is {first} {operation} {second}?",
                f"What is {first} {spoken} {second}?",
                f"Calculate {first} {operation} {second}.",
                wordings[operation],
            ]
        )
        result = rng.choice([as_json({"result": value}), str(value)])
        answer = f"{first} {operation} {second} = {value}"
        return _single(text, {left: first, right: second}, result, answer)

    parameters = {left: parameter(type_name), right: parameter(type_name)}
    schema = function(rng, name, told, parameters)
    return Tool(f"calculate {operation}", schema, ask, ("what is", "plus", "times"), most_calls=1)


def currency(rng: Random) -> Tool:
    """Conversion of money."""
    name = rng.choice(choices_of("convert_currency|currency_convert|exchange|convert_money"))
    amount = rng.choice(["amount", "value"])
    pairs = [("from", "to"), ("from_currency", "to_currency"), ("source", "target")]
    source, target = rng.choice(pairs)

    def ask(rng: Random, calls: int) -> Request:
        money = number(rng)
        first, second = rng.sample(CURRENCIES, 2)
        text = rng.choice(
            [
                f"Convert {money} {first} to {second}.",
                f"How much is {money} {first} in {second}?",
                f"Change {money} {first} into {second}.",
            ]
        )
        value = str(number(rng))
        result = rng.choice([as_json({"result": value}), value, f"{value} {second}"])
        answer = f"{money} {first} is {value} {second}."
        arguments = {amount: money, source: first, target: second}
        return _single(decorate(rng, text, 0.8, keep_case=True), arguments, result, answer)

    told = describe(rng, "Convert money between currencies", "Currency conversion")
    parameters = {
        amount: parameter("number"),
        source: parameter("string"),
        target: parameter("string"),
    }
    schema = function(rng, name, told, parameters)
    return Tool("currency", schema, ask, ("convert", "usd", "eur"), most_calls=1)


def local_time(rng: Random) -> Tool:
    """The time of day in a city."""
    name = rng.choice(choices_of("get_time|current_time|time_in|get_local_time|get_current_time"))
    key = rng.choice(choices_of("city|location|place|zone|timezone"))

    def ask(rng: Random, calls: int) -> Request:
        cities = distinct(rng, city, calls)
        wordings = [
            "What time is it in {}?",
            "Tell me the time in {}.",
            "What is the local time in {}?",
            "What's the time in {}?",
        ]
        times = [f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}" for _ in cities]
        results = tuple(rng.choice([time, as_json({"time": time})]) for time in times)
        answers = [f"It is {t} in {place}." for t, place in zip(times, cities, strict=True)]
        text = decorate(rng, rng.choice(wordings).format(listed(cities)), 0.8, keep_case=True)
        return Request(text, tuple({key: place} for place in cities), results, " ".join(answers))

    told = describe(rng, "Get the local time", "Current time in a city")
    schema = function(rng, name, told, {key: parameter("string")})
    return Tool("time", schema, ask, ("time",))


def search(rng: Random) -> Tool:
    """A search of the web."""
    names = choices_of("search|web_search|search_web|lookup|find_documents|google")
    key = rng.choice(choices_of("query|q|text|term"))

    def ask(rng: Random, calls: int) -> Request:
        wanted = phrase(rng, 1, 4)
        wordings = (
            'Search for {}|Search for "{}".|Search the web for "{}".|Look up {}|Find {}|Google {}'
            "|Search the web for {}|Look up: {}"
        )
        result, answer = draw_result(rng)
        return _single(
            rng.choice(choices_of(wordings)).format(wanted), {key: wanted}, result, answer
        )

    told = describe(rng, "Search the web", "Look something up", "Web search")
    schema = function(rng, rng.choice(names), told, {key: parameter("string")})
    return Tool("search", schema, ask, ("search", "look up", "find", "who", "what"), most_calls=1)


def message(rng: Random) -> Tool:
    """A message to a person."""
    name = rng.choice(choices_of("send_message|send_email|notify|message_user|send_sms"))
    pairs = [("to", "text"), ("recipient", "body"), ("user", "message"), ("name", "content")]
    to_key, body_key = rng.choice(pairs)

    def ask(rng: Random, calls: int) -> Request:
        people = distinct(rng, person, calls)
        body = phrase(rng, 1, 5)
        wordings = (
            'Send "{body}" to {to}.|Send {to} the message "{body}".|Tell {to} "{body}".'
            '|Write to {to}: "{body}"|Send a message to {to}: {body}|Message {to}: {body}'
            '|Send a message to {to} saying "{body}".'
        )
        text = rng.choice(choices_of(wordings)).format(body=body, to=listed(people))
        sent = rng.choice(["ok", "sent", as_json({"status": "ok"}), as_json({"ok": True})])
        arguments = tuple({to_key: each, body_key: body} for each in people)
        answer = f"I sent the message to {listed(people)}."
        return Request(text, arguments, (sent,) * calls, answer)

    told = describe(rng, "Send a message to a person", "Send a message")
    parameters = {to_key: parameter("string"), body_key: parameter("string")}
    schema = function(rng, name, told, parameters)
    return Tool("message", schema, ask, ("send", "write", "message", "email", "tell"))


def timer(rng: Random) -> Tool:
    """A timer in minutes."""
    name = rng.choice(choices_of("set_timer|start_timer|timer|set_alarm"))
    key = rng.choice(choices_of("minutes|duration|mins|duration_minutes"))

    def ask(rng: Random, calls: int) -> Request:
        minutes = rng.randint(1, 90)
        text = rng.choice(
            [
                f"Set a timer for {minutes} minutes.",
                f"Start a timer of {minutes} minutes.",
                f"Wake me in {minutes} minutes.",
                f"Set a {minutes} minute timer.",
            ]
        )
        result = rng.choice(["ok", "done", as_json({"status": "ok"})])
        answer = f"The timer is set to {minutes} minutes."
        return _single(decorate(rng, text, 0.8), {key: minutes}, result, answer)

    told = describe(rng, "Set a timer in minutes", "Start a timer")
    schema = function(rng, name, told, {key: parameter("integer")})
    return Tool("timer", schema, ask, ("timer", "wake", "remind", "minutes"), most_calls=1)


def light(rng: Random) -> Tool:
    """A lamp in a room."""
    name = rng.choice(choices_of("set_light|light|switch_light|control_light|toggle_light"))
    room_key, state_key = rng.choice(["room", "where"]), rng.choice(["on", "state", "enabled"])

    def ask(rng: Random, calls: int) -> Request:
        rooms = distinct(rng, _room, calls)
        state = rng.random() < 0.5
        shown = "on" if state else "off"
        wordings = [
            f"Turn {shown} the light in the {listed(rooms)}.",
            f"Turn the light in the {listed(rooms)} {shown}.",
            f"Switch {shown} the {listed(rooms)} light.",
            f"Switch the {listed(rooms)} light {shown}.",
        ]
        result = rng.choice(["ok", "done", as_json({"status": "ok"})])
        answer = " ".join(f"The light in the {room} is {shown}." for room in rooms)
        arguments = tuple({room_key: room, state_key: state} for room in rooms)
        text = decorate(rng, rng.choice(wordings), 0.8)
        return Request(text, arguments, (result,) * calls, answer)

    told = describe(rng, "Switch a light on or off", "Control the lights")
    parameters = {room_key: parameter("string"), state_key: parameter("boolean")}
    return Tool("light", function(rng, name, told, parameters), ask, ("light", "turn", "switch"))


def _room(rng: Random) -> str:
    return rng.choice(ROOMS) if rng.random() < 0.7 else invented(rng, 2)


def translate(rng: Random) -> Tool:
    """A translation."""
    name = rng.choice(choices_of("translate|translate_text|translator"))
    text_key, language_key = rng.choice(
        [("text", "language"), ("text", "target"), ("input", "lang"), ("text", "target_language")]
    )

    def ask(rng: Random, calls: int) -> Request:
        languages = distinct(rng, lambda rng: rng.choice(LANGUAGES), calls)
        body = phrase(rng, 1, 4)
        wordings = (
            'Translate "{}" into {}.|Translate "{}" to {}.|What is "{}" in {}?|Say "{}" in {}.'
        )
        texts = [phrase(rng, 1, 3) for _ in languages]
        results = tuple(rng.choice([each, as_json({"translation": each})]) for each in texts)
        answers = [f"In {lang}: {each}" for lang, each in zip(languages, texts, strict=True)]
        arguments = tuple({text_key: body, language_key: language} for language in languages)
        text = rng.choice(choices_of(wordings)).format(body, listed(languages))
        return Request(text, arguments, results, "\n".join(answers))

    told = describe(rng, "Translate a text", "Translate text into a language")
    parameters = {text_key: parameter("string"), language_key: parameter("string")}
    return Tool("translate", function(rng, name, told, parameters), ask, ("translate",))


FAMILIES = (
    weather,
    weather,
    calculator,
    currency,
    local_time,
    search,
    message,
    timer,
    light,
    translate,
)
