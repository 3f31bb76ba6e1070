"""Tools that nobody has seen before, put together from verbs, nouns and kinds of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from ..texts import choices_of, words_of
from ..words import invented, phrase, word
from .held_out import is_for_the_gate
from .parameters import (
    EXPLICIT,
    FALSE_WORDINGS,
    SWITCH,
    TRUE_WORDINGS,
    Parameter,
    draw_parameter,
)
from .results import draw_result
from .schema import Request, Tool, distinct, function, listed, parameter

VERBS: dict[str, str] = {
    "get": "get|show me|fetch|show|give me|look up",
    "find": "find|look for|search for|look up",
    "lookup": "look up|find|check|show me",
    "check": "check|look at|verify",
    "create": "create|make|open|add|create",
    "add": "add|put in|add",
    "open": "open",
    "close": "close|shut",
    "delete": "delete|remove",
    "remove": "remove|delete",
    "cancel": "cancel|call off",
    "update": "update|change",
    "change": "change|update",
    "set": "set|set|change|adjust|put",
    "adjust": "adjust|set|change",
    "send": "send|mail",
    "list": "list|show|list all",
    "start": "start|begin|run",
    "run": "run|start|execute",
    "stop": "stop|end|halt",
    "book": "book|reserve",
    "reserve": "reserve|book",
    "schedule": "schedule|plan|arrange",
    "play": "play|start",
    "buy": "buy|purchase",
    "move": "move|bring",
    "assign": "assign|give",
    "print": "print|print out",
    "rename": "rename",
    "track": "track|follow",
    "read": "read|show me",
    "write": "write|put down",
    "turn_on": "turn on|switch on",
    "turn_off": "turn off|switch off",
    "lock": "lock",
    "unlock": "unlock",
    "register": "register|sign up",
    "report": "report",
    "make": "make|build",
    "do": "do",
    "paint": "paint",
    "count": "count",
    "measure": "measure",
    "upload": "upload",
    "download": "download",
}
NOUNS: tuple[str, ...] = words_of(
    "account album alarm article backup bag band basket battery bicycle bill blog board boat "
    "book bottle box branch bridge bus button cake calendar camera campaign car card cart "
    "case chair channel chart class client clock coach coat coffee comment computer concert "
    "contact container contract course coupon curtain cup database dataset deal desk device "
    "dinner document door drawing engine event exam fan feed fence field file film fire flag "
    "flight folder forecast form fountain frame fridge game gate gift goal group guitar heater "
    "hotel house image item job journal key kettle kitchen knife label ladder lamp lease lesson "
    "letter library license line link list loan log machine magazine mail map market mask "
    "menu mirror mission model motor movie museum name network node note number office oven "
    "package page paper park part party patch path payment pen phone photo piano picture pipe "
    "plan plant plate player poem policy pool port poster pot price product profile project "
    "pump puzzle queue quiz quote race radio radiator record recipe region report request "
    "resource ride ring robot rocket room rope route rule salary sale sample scale school score "
    "screen seat sensor server service shelf ship shop shower signal site skill song sound "
    "station statue stock stone story stream student survey switch task tax taxi team "
    "telescope tent test text theme timer token tool topic tour tower toy track trade train "
    "tree trip truck tunnel user vase vehicle video visit voice vote voucher wallet watch "
    "water wheel window wine worker yard zone"
)


@dataclass(frozen=True)
class _Action:
    name: str
    spoken_verbs: tuple[str, ...]
    noun: str


def invented_tool(rng: Random, novelty: float = 0.1) -> Tool:
    """Put together a tool with up to four parameters, some of them optional."""
    action = _draw_action(rng, novelty)
    parameters = _draw_parameters(rng, novelty)
    optional = {
        each.name for each in parameters if rng.random() < (0.5 if each.kind is SWITCH else 0.2)
    }

    def ask(rng: Random, calls: int) -> Request:
        return _request(rng, action, parameters, optional, calls)

    schema = function(
        rng,
        action.name,
        _description(rng, action),
        {each.name: _schema(rng, each) for each in parameters},
        [each.name for each in parameters if each.name not in optional],
    )
    joins = any(_can_join(each, optional) for each in parameters)
    triggers = (action.noun, action.name.lower())
    return Tool("invented", schema, ask, triggers, most_calls=3 if joins else 1)


def _draw_action(rng: Random, novelty: float) -> _Action:
    while is_for_the_gate((action := _any_action(rng, novelty)).name):
        continue
    return action


def _any_action(rng: Random, novelty: float) -> _Action:
    draw = rng.random()
    noun = rng.choice(NOUNS) if draw < 0.6 else rng.choice([word(rng), invented(rng, 2)])
    if rng.random() < 0.12:
        noun += f" {rng.choice([word(rng), rng.choice(NOUNS)])}"
    if rng.random() < novelty:
        verb = rng.choice([invented(rng, 2), word(rng)])
        spoken: tuple[str, ...] = (verb,)
    else:
        verb = rng.choice(list(VERBS))
        spoken = (*choices_of(VERBS[verb]), verb.replace("_", " "))
    return _Action(_join_name(rng, verb, noun.replace(" ", "_")), spoken, noun)


def _join_name(rng: Random, verb: str, noun: str) -> str:
    style = rng.random()
    if style < 0.72:
        return f"{verb}_{noun}"
    if style < 0.84:
        words = f"{verb}_{noun}".split("_")
        return words[0] + "".join(part.capitalize() for part in words[1:])
    if style < 0.9:
        return f"{verb}-{noun}"
    if style < 0.95:
        return f"{noun}_{verb}"
    return f"{noun}.{verb}" if rng.random() < 0.3 else f"{verb}{noun}"


def _draw_parameters(rng: Random, novelty: float) -> list[Parameter]:
    wanted = rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 4])
    drawn: dict[str, Parameter] = {}
    while len(drawn) < wanted:
        each = draw_parameter(rng, novelty)
        drawn.setdefault(each.name, each)
    return list(drawn.values())


def _description(rng: Random, action: _Action) -> str:
    if rng.random() < 0.25:
        return phrase(rng, 2, 5) if rng.random() < 0.3 else ""
    verb = rng.choice(action.spoken_verbs)
    article = rng.choice(["a", "the", "one", "an existing"])
    tail = rng.choice(
        ["", "", ".", " of the user.", " by its details.", " in the system.", " now."]
    )
    return f"{verb[0].upper()}{verb[1:]} {article} {action.noun}{tail}"


def _schema(rng: Random, each: Parameter) -> dict[str, Any]:
    description = ""
    if rng.random() < 0.5:
        example = each.in_words(each.value(rng), rng)
        description = rng.choice(
            [
                f"The {each.words}",
                f"The {each.words}",
                f"{each.words.capitalize()} to use",
                f"The {each.words}, e.g. {example}",
                f"The {each.words}, for example {example}.",
            ]
        )
    schema = parameter(each.kind.type_name, description)
    if each.choices:
        schema["enum"] = list(each.choices)
    return schema


def _can_join(each: Parameter, optional: set[str]) -> bool:
    return each.kind.joins and not each.choices and each.name not in optional


def _request(
    rng: Random, action: _Action, parameters: list[Parameter], optional: set[str], calls: int
) -> Request:
    used = [each for each in parameters if each.name not in optional or rng.random() < 0.5]
    values = {each.name: [each.value(rng)] * calls for each in used}
    if calls > 1:
        varied = rng.choice([each for each in used if _can_join(each, optional)])
        values[varied.name] = distinct(rng, varied.value, calls)
    explicit = rng.random() < 0.35
    said = [(each, _joined(rng, each, values[each.name])) for each in used]
    phrasing = _explicit_text if explicit else _natural_text
    text = phrasing(rng, action, said)
    arguments = tuple({name: drawn[i] for name, drawn in values.items()} for i in range(calls))
    results, answers = zip(*(draw_result(rng) for _ in range(calls)), strict=True)
    return Request(text, arguments, results, " ".join(answers))


def _joined(rng: Random, each: Parameter, drawn: list[Any]) -> Any:
    """Return the value as the user writes it, or the truth value of a switch."""
    if isinstance(drawn[0], bool):
        return drawn[0]
    return listed(list(dict.fromkeys(each.in_words(value, rng) for value in drawn)))


def _clause(rng: Random, each: Parameter, shown: Any, noun: str, natural: bool) -> str:
    if isinstance(shown, bool):
        return rng.choice(TRUE_WORDINGS if shown else FALSE_WORDINGS).format(p=each.words)
    wordings = each.kind.natural if natural and rng.random() < 0.75 else EXPLICIT
    text = rng.choice(wordings)
    name = each.name if wordings is EXPLICIT and rng.random() < 0.5 else each.words
    return text.format(p=name, v=shown, n=noun)


def _explicit_text(rng: Random, action: _Action, said: list[tuple[Parameter, Any]]) -> str:
    name = action.name
    if not said:
        wordings = ["Call {}.", "Use {}.", "Run {} now.", "Please call the tool {}.", "Use {}"]
        return rng.choice(wordings).format(name)
    clauses = [_clause(rng, each, shown, action.noun, natural=False) for each, shown in said]
    lead = rng.choice(["Call {}", "Use {}", "Run {}", "Please use the tool {}", "{}", "Call {}"])
    joined = rng.choice([listed(clauses), ", ".join(clauses), " and ".join(clauses)])
    return f"{lead.format(name)} with {joined}{rng.choice(['.', '', '.'])}"


def _natural_text(rng: Random, action: _Action, said: list[tuple[Parameter, Any]]) -> str:
    order = list(said)
    if rng.random() < 0.3:
        rng.shuffle(order)
    clauses = [_clause(rng, each, shown, action.noun, natural=True) for each, shown in order]
    article = rng.choice(["the", "the", "a", "my", "a new", ""])
    object_text = f"{article} {action.noun}".strip()
    for index, clause in enumerate(clauses):
        if clause.startswith(f"{action.noun} "):
            object_text = f"{rng.choice(['', 'the', 'the'])} {clauses.pop(index)}".strip()
            break
    verb = rng.choice(action.spoken_verbs)
    tail = rng.choice([" ", " ", ", "]).join(clauses)
    if len(clauses) > 1 and rng.random() < 0.4:
        tail = f"{' '.join(clauses[:-1])} and {clauses[-1]}"
    text = " ".join(part for part in (verb, object_text, tail) if part)
    return _as_spoken(rng, text)


SPOKEN_FRAMES = (
    (0.7, "Please {}."),
    (0.78, "Can you {}?"),
    (0.84, "Could you please {}?"),
    (0.9, "I want to {}."),
    (0.95, "I need you to {}."),
)


def _as_spoken(rng: Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.6:
        return f"{text[0].upper()}{text[1:]}{rng.choice(['.', '.', '.', ''])}"
    for below, frame in SPOKEN_FRAMES:
        if draw < below:
            return frame.format(text)
    return f"{text}{rng.choice([' please', '', ', please'])}"
