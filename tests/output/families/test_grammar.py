"""The grammar of whole answers, on llguidance itself, and that scanners read what it lets pass."""

import json

import jsonschema
import pytest
from tokenizers import Tokenizer

from pippin.core.tools import Tool, ToolUse
from pippin.demo import MODELS
from pippin.engine.constraints.marks import Marks
from pippin.engine.constraints.vocabulary import constraint_tokenizer
from pippin.output.families.family import Family
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.hermes import Hermes
from pippin.output.families.table import FAMILIES
from pippin.output.pieces import Call, Content, Piece
from pippin.output.vocabulary import Vocabulary
from tests.output.families.reading import plainly, read
from tests.output.families.walking import Bytes, likes, taken, wander

TOOLS = (
    Tool(
        name="get_weather",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "minLength": 1, "maxLength": 5},
                "unit": {"enum": ["C", "F"]},
                "days": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    ),
    Tool(name="get", parameters={"properties": {"deep": {"type": "boolean"}}}),
    Tool(name="ping"),
)
CALL = (
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome", "days": []}}\n</tool_call>'
)
END_OF_TURN = 1527
"""The demo model's ``<|im_end|>``."""
PING = '<tool_call>\n{"name": "ping", "arguments": {"any": [1, {"é": null}]}}\n</tool_call>'


def hermes(use: ToolUse, text: str) -> tuple[bool, bool]:
    """Whether the whole text is taken, and whether it may end there (or where it was refused)."""
    vocabulary = Bytes()
    grammar = answer_grammar(Hermes().rules(TOOLS, vocabulary.mark), use, vocabulary.mark)
    tokens = vocabulary.encode(text)
    count, ends = taken(grammar, vocabulary.tokenizer, tokens)
    return count == len(tokens), ends


@pytest.mark.parametrize(
    "text", ["", "Hello.", "a < b, <tool_", CALL, f"I see:\n{CALL}", f"{CALL}\n{PING}"]
)
def test_an_answer_may_call(text: str) -> None:
    assert hermes(ToolUse(), text) == (True, True)


@pytest.mark.parametrize("text", [CALL, f"\n\n{PING}", f"{CALL}\n{PING}\n{CALL}"])
def test_an_answer_must_call(text: str) -> None:
    assert hermes(ToolUse(mode="required"), text) == (True, True)


@pytest.mark.parametrize("text", ["Hello", " <b>", "{"])
def test_text_is_refused_where_a_call_must_be(text: str) -> None:
    assert hermes(ToolUse(mode="required"), text) == (False, False)


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize(
    "text",
    [
        CALL.replace("get_weather", "get_whatever"),
        CALL.replace('"Rome"', "3"),
        CALL.replace('"Rome"', '"Romulus"'),
        CALL.replace('"days": []', '"days": [1.5]'),
        CALL.replace(', "days": []', ""),
        CALL.replace("[]", '[], "more": 1'),
        CALL.replace("}}", "}}}"),
        CALL.replace("[]", "[" + " " * 33 + "]"),
        PING.replace('{"any": [1, {"é": null}]}', "[]"),
    ],
)
def test_a_wrong_call_is_refused(mode: str, text: str) -> None:
    use = ToolUse(mode="auto" if mode == "auto" else "required")
    assert hermes(use, text) == (False, False)


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_one_call_only(mode: str) -> None:
    use = ToolUse(mode="auto" if mode == "auto" else "required", parallel=False)
    assert hermes(use, CALL) == (True, True)
    assert hermes(use, f"{CALL}\n") == (False, True)


def test_no_text_behind_calls() -> None:
    assert hermes(ToolUse(), f"{CALL}\nSo") == (False, False)


def test_an_unfinished_call_may_not_end() -> None:
    for cut in range(len("<tool_call>"), len(CALL)):
        assert hermes(ToolUse(), CALL[:cut]) == (True, False)


@pytest.mark.parametrize("text", ["Hi.", f"Look:\n\n{CALL}\n{PING}", PING])
def test_the_demo_models_own_tokens(text: str) -> None:
    own = Tokenizer.from_file(str(MODELS["demo"] / "tokenizer.json"))
    vocabulary = Vocabulary(own)
    tokens = own.encode(text, add_special_tokens=False).ids
    tokenizer = constraint_tokenizer(
        vocabulary,
        len(vocabulary),
        frozenset([END_OF_TURN]),
        lambda part: own.encode(part, add_special_tokens=False).ids,
    )
    mark = Marks(vocabulary.split)
    rules = Hermes().rules(TOOLS, mark)
    grammar = answer_grammar(rules, ToolUse(), mark)
    assert taken(grammar, tokenizer, tokens) == (len(tokens), True)
    must = answer_grammar(rules, ToolUse(mode="required"), mark)
    begun = taken(must, tokenizer, tokens)
    assert begun == ((len(tokens), True) if text == PING else (0, False))
    if text == PING:
        for cut in range(len(tokens)):
            assert taken(must, tokenizer, tokens[:cut]) == (cut, False)


PLAIN = [family for family in FAMILIES if family.name != "harmony"]
"""Harmony's answers have more in them than calls; its own tests walk through its grammar."""


@pytest.mark.parametrize("family", PLAIN, ids=lambda family: family.name)
@pytest.mark.parametrize("special", [False, True])
def test_what_the_grammar_makes_is_read(family: Family, special: bool) -> None:
    vocabulary = Bytes(family.marks if special else ())
    use = ToolUse(mode="required")
    grammar = answer_grammar(family.rules(TOOLS, vocabulary.mark), use, vocabulary.mark)
    whole = 0
    for seed in range(12):
        text, complete = wander(grammar, vocabulary, seed, 600, likes)
        enforced = read(family.scanner(TOOLS, enforced=True), text)
        whole += complete
        if complete:
            assert enforced
            check_calls(enforced)
            assert plainly(read(family.scanner(TOOLS, enforced=False), text)) == plainly(enforced)
        calls = [i for i, piece in enumerate(enforced) if isinstance(piece, Call)]
        behind = enforced[calls[0] :] if calls else []
        assert complete or len([p for p in behind if isinstance(p, Content)]) <= 1
    assert whole >= 6


NEARLY = (
    '{"name": "ping", "x',
    '[{"name": "ping", "id": "1", "arguments": {}}, {"name": "ping", "arguments": {"a"',
    '{"name":"ping","arguments":{},"name":',
    '{"type": "function", "name": "get", "parameters": ',
    '{"name": "get", "arguments": {"deep": 1',
    '{"n\\u0061me": "get", "arguments": [',
    '[{"name": "get_weather", "arguments": {"city',
    '{"tool_calls": [{"name": "ping", "argum',
    'Action: [{"tool_name": "ping", "p',
    'Action: ```json\n{"tool_name": "ping", "parameters": [',
    "<tool_call>ping",
    "[TOOL_CALLS]ping[",
    "functools(ping)[{",
    "<|python_tag|>ping.call(a=",
)
"""Text that looks like calls: a grammar that has not noticed one promises nothing."""


@pytest.mark.parametrize("family", PLAIN, ids=lambda family: family.name)
@pytest.mark.parametrize("begin", NEARLY)
def test_what_leaves_early_was_promised(family: Family, begin: str) -> None:
    vocabulary = Bytes()
    grammar = answer_grammar(family.rules(TOOLS, vocabulary.mark), ToolUse(), vocabulary.mark)
    for seed in range(2):
        text, complete = wander(grammar, vocabulary, seed, 300, likes, begin=f"So: {begin}")
        pieces = read(family.scanner(TOOLS, enforced=True), text)
        if complete:
            check_calls([piece for piece in pieces if not isinstance(piece, Content)])


def check_calls(pieces: list[Piece]) -> None:
    schemas = {tool.name: tool.parameters for tool in TOOLS}
    for name, arguments in plainly(pieces):
        assert isinstance(arguments, dict)
        jsonschema.validate(json.loads(json.dumps(arguments)), schemas[name])


@pytest.mark.parametrize("text", ["yes", "no", CALL, f"{CALL}\n{PING}"])
def test_a_form_instead_of_free_text(text: str) -> None:
    vocabulary = Bytes()
    mark = vocabulary.mark
    grammar = answer_grammar(Hermes().rules(TOOLS, mark), ToolUse(), mark, '("yes" | "no")')
    tokens = vocabulary.encode(text)
    assert taken(grammar, vocabulary.tokenizer, tokens) == (len(tokens), True)


@pytest.mark.parametrize("text", ["y", "yes ", "maybe", f"yes{CALL}", "", "Hello"])
def test_what_is_neither_form_nor_call_is_refused(text: str) -> None:
    vocabulary = Bytes()
    mark = vocabulary.mark
    grammar = answer_grammar(Hermes().rules(TOOLS, mark), ToolUse(), mark, '("yes" | "no")')
    tokens = vocabulary.encode(text)
    assert taken(grammar, vocabulary.tokenizer, tokens) != (len(tokens), True)
