"""Items of the gate that are about tools."""

from __future__ import annotations

import json
from typing import Any

from ..texts import choices_of
from .items import Item, Messages, asked, calls, matches, says
from .requests import (
    CITY_PAIRS,
    COMBINED,
    JOINED_REQUESTS,
    NO_CALL,
    OBJECT_RESULTS,
    UNSEEN_REQUESTS,
    WEATHER_RESULTS,
)
from .tools import GET_CURRENT_WEATHER, GET_WEATHER, UNSEEN, offered

NAMES = tuple(UNSEEN)


def _toolbox(name: str, index: int) -> list[Item]:
    """Return the named tool among none, one, two or three others, at varied places."""
    place = NAMES.index(name)
    others = [NAMES[(place + 5 + 3 * step + index) % len(NAMES)] for step in range(index % 4)]
    chosen = [other for other in dict.fromkeys(others) if other != name]
    chosen.insert(index % (len(chosen) + 1), name)
    return offered(*chosen)


def unseen_items() -> list[Item]:
    """One call of a tool that the model has never seen."""
    return [
        calls("tool-unseen", asked(request), _toolbox(name, index), (name, arguments))
        for index, (request, name, arguments) in enumerate(UNSEEN_REQUESTS)
    ]


WEATHER_WORDINGS = (
    "What's the weather in {}?",
    "What is the weather in {}?",
    "What is the weather like in {} today?",
    "How is the weather in {}?",
    "Tell me the weather in {}.",
)
WEATHER_CITIES = choices_of(
    "San Francisco|New York|Paris|Tokyo|Berlin|Nairobi|Los Angeles|Oslo|Springfield|Reykjavik"
    "|Vancouver|Buenos Aires"
)


def sample_items() -> list[Item]:
    """OpenAI's own sample tools."""
    items = []
    for index, city in enumerate(WEATHER_CITIES):
        wording = WEATHER_WORDINGS[index % len(WEATHER_WORDINGS)]
        for tool in (GET_WEATHER, GET_CURRENT_WEATHER):
            call = (tool["function"]["name"], {"location": city})
            items.append(calls("tool-sample", asked(wording.format(city)), [tool], call))
    for city, unit in (("Boston", "fahrenheit"), ("Rome", "celsius"), ("Chicago", "celsius")):
        request = asked(f"What is the weather in {city}? Use {unit}.")
        call = ("get_current_weather", {"location": city, "unit": unit})
        items.append(calls("tool-sample", request, [GET_CURRENT_WEATHER], call))
    return items


def parallel_items() -> list[Item]:
    """Several calls in one answer."""
    items = []
    for index, cities in enumerate(CITY_PAIRS):
        tool = (GET_WEATHER, GET_CURRENT_WEATHER)[index % 2]
        wording = WEATHER_WORDINGS[index % len(WEATHER_WORDINGS)]
        request = asked(wording.format(" and ".join(cities)))
        wanted = [(tool["function"]["name"], {"location": city}) for city in cities]
        items.append(calls("tool-parallel", request, [tool], *wanted))
    for index, (text, name, key, values, rest) in enumerate(JOINED_REQUESTS):
        wanted = [(name, {key: value} | rest) for value in values]
        items.append(calls("tool-parallel", asked(text), _toolbox(name, index), *wanted))
    for first, second in zip(COMBINED, COMBINED[1:] + COMBINED[:1], strict=True):
        one, other = UNSEEN_REQUESTS[first], UNSEEN_REQUESTS[second]
        request = asked(f"{one[0]} {other[0]}")
        wanted = [(each[1], each[2]) for each in (one, other)]
        items.append(calls("tool-parallel", request, offered(one[1], other[1]), *wanted))
    return items


def choosing_items() -> list[Item]:
    """Half need a tool, half do not."""
    items = []
    for index, (request, answer) in enumerate(NO_CALL):
        name = NAMES[index % len(NAMES)]
        items.append(says("tool-or-not", asked(request), answer, tools=_toolbox(name, index + 1)))
    for index in range(1, 44, 2):
        request, name, arguments = UNSEEN_REQUESTS[index]
        system = "You are a helpful assistant." if index % 4 == 1 else None
        toolbox = [GET_CURRENT_WEATHER, *_toolbox(name, index + 2)]
        call = (name, arguments)
        items.append(calls("tool-or-not", asked(request, system), toolbox, call))
    return items


def _called(request: str, name: str, arguments: dict[str, Any], result: Any) -> Messages:
    call_id = "call_1"
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": call_id, "type": "function", "function": function}
    content = result if isinstance(result, str) else json.dumps(result)
    return [
        *asked(request),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": content},
    ]


def result_items() -> list[Item]:
    """Answers after the results of tools."""
    items = []
    for index, result, answer in OBJECT_RESULTS:
        request, name, arguments = UNSEEN_REQUESTS[index]
        messages = _called(request, name, arguments, result)
        items.append(says("tool-result", messages, answer, tools=_toolbox(name, index)))
    for city, degrees, sky in WEATHER_RESULTS:
        request = f"What's the weather in {city}?"
        result = {"temperature": degrees, "condition": sky}
        messages = _called(request, "get_weather", {"location": city}, result)
        answer = f"It is {degrees} degrees and {sky} in {city}."
        items.append(says("tool-result", messages, answer, tools=[GET_WEATHER]))
    return items


def tool_items() -> list[Item]:
    """All items that offer tools."""
    return [
        *sample_items(),
        *unseen_items(),
        *parallel_items(),
        *choosing_items(),
        *result_items(),
        matches("tool-sample", asked("What is 2 + 2?"), "= 4", tools=[GET_WEATHER]),
    ]
