"""What a model's answers must look like, from a whole request."""

import json
from typing import Any

import pytest
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.constraint import Choice, Constraint, JSONSchema
from pippin.core.request import ChatPrompt, GenerationRequest, Message, TextPrompt
from pippin.core.tools import Tool, ToolUse
from pippin.errors import InvalidRequest, UnsupportedParameter
from pippin.output.pieces import Arguments, Call, Content, Reasoning
from pippin.prompt.template import ChatTemplate
from pippin.worker.language import Language, language_of

FOLDER = demo.MODELS["demo"]
TOKENIZER = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
SOURCE = (FOLDER / "chat_template.jinja").read_text(encoding="utf-8")
EOS = frozenset(TOKENIZER.encode("<|im_end|>", add_special_tokens=False).ids)
WEATHER = Tool(
    name="weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
    },
)
TIME = Tool(name="time")
HARMONY = (
    "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{# <|channel|> #}<|start|>assistant"
)


def language(source: str = SOURCE, tool_parser: str = "") -> Language:
    template = ChatTemplate(source, {})
    return language_of(TOKENIZER, template, vocab_size=1536, eos=EOS, tool_parser=tool_parser)


DEMO = language()


def asked(**fields: Any) -> GenerationRequest:
    tools = fields.pop("tools", ())
    prompt = ChatPrompt(messages=(Message(role="user", content="Hello"),), tools=tools)
    return GenerationRequest(prompt=fields.pop("prompt", prompt), **fields)


def takes(language: Language, request: GenerationRequest, text: str) -> bool:
    """Whether the text is a whole answer to the request."""
    form = language.form(request, None)
    assert form
    matcher = form.matcher()
    tokens = TOKENIZER.encode(text, add_special_tokens=False).ids
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def call(name: str, arguments: object) -> str:
    inner = json.dumps({"name": name, "arguments": arguments})
    return f"<tool_call>\n{inner}\n</tool_call>"


def test_anything_goes_where_nothing_was_asked_for() -> None:
    assert DEMO.form(asked(), None) is None
    assert DEMO.form(asked(tools=(WEATHER,)), None) is None


def test_calls_are_those_that_were_offered() -> None:
    request = asked(tools=(WEATHER, TIME), tool_use=ToolUse())
    assert takes(DEMO, request, "Hello!")
    assert takes(DEMO, request, call("weather", {"city": "Rome"}))
    assert takes(DEMO, request, call("time", {}))
    assert not takes(DEMO, request, call("weather", {"town": "Rome"}))
    assert not takes(DEMO, request, call("news", {}))


def test_only_the_named_tool_may_be_called() -> None:
    use = ToolUse(mode="required", only="time", parallel=False)
    request = asked(tools=(WEATHER, TIME), tool_use=use)
    assert takes(DEMO, request, call("time", {}))
    assert not takes(DEMO, request, call("weather", {"city": "Rome"}))
    assert not takes(DEMO, request, "Hello!")


@pytest.mark.parametrize(
    "form",
    [
        Choice(options=("yes", "no")),
        JSONSchema(schema='{"enum": ["yes", "no"]}'),
    ],
)
def test_the_text_has_its_form_and_calls_are_apart_from_it(form: Constraint) -> None:
    request = asked(tools=(TIME,), tool_use=ToolUse(), constraint=form)
    yes = "yes" if isinstance(form, Choice) else '"yes"'
    assert takes(DEMO, request, yes)
    assert takes(DEMO, request, call("time", {}))
    assert not takes(DEMO, request, "Hello!")
    assert not takes(DEMO, request, f"{yes}{call('time', {})}")


def test_the_same_tools_are_compiled_once() -> None:
    request = asked(tools=(WEATHER,), tool_use=ToolUse())
    assert DEMO.form(request, None) is DEMO.form(request, None)
    other = asked(tools=(WEATHER,), tool_use=ToolUse(mode="required"))
    assert DEMO.form(request, None) is not DEMO.form(other, None)


@pytest.mark.parametrize("parser", ["hermes", "qwen3_coder", "llama", "mistral", "lfm2"])
def test_a_schema_that_cannot_be_enforced_is_refused_by_its_tool(parser: str) -> None:
    bad = Tool(name="bad", parameters={"type": "object", "properties": {"x": {"$ref": "http://a"}}})
    request = asked(tools=(TIME, bad), tool_use=ToolUse())
    with pytest.raises(InvalidRequest, match=r"tools\[1\]") as raised:
        language(tool_parser=parser).form(request, None)
    assert raised.value.param == "tools[1]"


SET = {
    "type": "object",
    "properties": {
        "ids": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        "at": {"type": "string", "format": "regex", "maxLength": 3},
    },
    "required": ["ids"],
}


@pytest.mark.parametrize("parser", ["hermes", "qwen3_coder", "mistral"])
def test_a_tool_that_is_not_strict_leaves_out_what_cannot_be_enforced(parser: str) -> None:
    strictly, loosely = (Tool(name="f", parameters=SET, strict=strict) for strict in (None, False))
    with pytest.raises(InvalidRequest, match="With strict false"):
        language(tool_parser=parser).form(asked(tools=(strictly,), tool_use=ToolUse()), None)
    assert language(tool_parser=parser).form(asked(tools=(loosely,), tool_use=ToolUse()), None)
    request = asked(tools=(loosely,), tool_use=ToolUse())
    assert takes(DEMO, request, call("f", {"ids": [1, 1], "at": "["}))
    assert not takes(DEMO, request, call("f", {"ids": ["a"]}))
    assert not takes(DEMO, request, call("f", {"ids": [1], "at": "[..]"}))


def test_a_wrong_schema_stays_wrong_however_loose() -> None:
    wrong = Tool(name="f", parameters={"type": "object", "required": 7}, strict=False)
    with pytest.raises(InvalidRequest, match="list"):
        DEMO.form(asked(tools=(wrong,), tool_use=ToolUse()), None)


def test_a_format_that_is_not_strict_leaves_out_what_cannot_be_enforced() -> None:
    text = json.dumps({"type": "array", "uniqueItems": True, "items": {"type": "integer"}})
    assert takes(DEMO, asked(constraint=JSONSchema(schema=text, exact=False)), "[1, 1]")
    with pytest.raises(InvalidRequest, match="uniqueItems"):
        DEMO.form(asked(constraint=JSONSchema(schema=text)), None)


def test_channels_stand_around_every_answer() -> None:
    harmony = language(HARMONY)
    assert harmony.manner.family.name == "harmony"
    assert harmony.manner.thinks
    final = "<|channel|>final<|message|>"
    request = asked(constraint=Choice(options=("yes", "no")))
    assert takes(harmony, request, f"{final}yes")
    thought = "<|channel|>analysis<|message|>Well.<|end|><|start|>assistant"
    assert takes(harmony, request, f"{thought}{final}no")
    assert not takes(harmony, request, "yes")
    scanner = harmony.scanner(asked(), None)
    text = f"{thought}{final}Hello"
    pieces = [*scanner.add(text), *scanner.finish()]
    kinds = {type(piece) for piece in pieces}
    assert kinds == {Reasoning, Content}
    raw = asked(prompt=TextPrompt(text="x"), constraint=Choice(options=("yes", "no")))
    assert takes(harmony, raw, "yes")


def test_calls_are_read_as_they_come() -> None:
    scanner = DEMO.scanner(asked(tools=(WEATHER,), tool_use=ToolUse()), None)
    pieces = scanner.add('<tool_call>\n{"name": "weather", "arguments": {"ci')
    assert pieces[0] == Call("weather")
    assert "".join(p.text for p in pieces if isinstance(p, Arguments)) == '{"ci'


def test_letters_of_a_special_mark_begin_no_call() -> None:
    """A tool's result may hold such letters, and a model may repeat them."""
    described = json.loads(TOKENIZER.to_str())
    for token in described["added_tokens"]:
        token["special"] = True
    special = Tokenizer.from_str(json.dumps(described))
    template = ChatTemplate(SOURCE, {})
    speaker = language_of(special, template, vocab_size=1536, eos=EOS, tool_parser="hermes")
    form = speaker.form(asked(tools=(WEATHER,), tool_use=ToolUse()), None)
    assert form
    begun = '<tool_call>\n{"name": "weather", "arguments": {"city'

    def taken(text: str, *, as_letters: bool) -> int:
        special.encode_special_tokens = as_letters
        tokens = special.encode(text, add_special_tokens=False).ids
        return len(tokens) - form.matcher().try_consume_tokens(tokens)

    assert taken(begun, as_letters=False) == 0
    assert taken("a <tool_cal and < b", as_letters=True) == 0
    assert taken(begun, as_letters=True) > 0


def test_thinking_begins_where_the_template_left_off() -> None:
    thinks = DEMO.thinking(asked(), "<|im_start|>assistant\n")
    assert thinks
    assert not thinks.inside
    inside = DEMO.thinking(asked(), "<|im_start|>assistant\n<think>\n")
    assert inside
    assert inside.inside
    assert DEMO.thinking(asked(), "assistant\n<think>\n\n</think>\n\n") is None
    assert DEMO.thinking(asked(prompt=TextPrompt(text="<think>")), "") is None


@pytest.mark.parametrize(
    ("begun", "inside"), [("<think>\nWell", True), ("<think>a</think>b", None), ("So", None)]
)
def test_a_continued_answer_thinks_only_if_it_was_thinking(begun: str, inside: bool | None) -> None:
    prompt = ChatPrompt(messages=(Message(role="assistant", content=begun),))
    thinking = DEMO.thinking(asked(prompt=prompt), begun)
    assert (thinking and thinking.inside) == inside


def test_a_budget_needs_marks() -> None:
    request = asked(thinking_budget=3)
    assert DEMO.thinking_limit(request, None) is None
    limit = DEMO.thinking_limit(request, DEMO.thinking(request, "assistant\n"))
    assert limit
    assert limit.tokens == 3
    closing = TOKENIZER.decode(list(limit.close), skip_special_tokens=False)
    assert closing.strip() == "</think>"
    with pytest.raises(UnsupportedParameter):
        language("{{ messages[0].content }}").thinking_limit(request, None)


def test_a_model_without_an_end_enforces_nothing() -> None:
    endless = language_of(TOKENIZER, None, vocab_size=1536, eos=frozenset())
    with pytest.raises(InvalidRequest, match="how a text ends"):
        endless.form(asked(constraint=Choice(options=("a",))), None)


def test_an_unknown_parser_is_named() -> None:
    with pytest.raises(ValueError, match="hermes"):
        language(tool_parser="nonsense")
