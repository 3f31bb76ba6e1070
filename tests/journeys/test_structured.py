"""Answers in the form that was asked for, in every dialect, and beside everything else."""

import concurrent.futures
import enum
import json
import re
from typing import Any, Literal

import httpx
import jsonschema
import lark
import openai
import pytest
from pydantic import BaseModel

from tests.journeys.answers import MODEL, both, streamed, told, user, whole
from tests.journeys.server import RunningServer, mlx_only

FRANCE = "What is the capital of France?"
ASKED = (
    f"<|im_start|>user\n{FRANCE} Answer in JSON.<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "size": {"enum": ["small", "large"]},
        "rivers": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 2},
    },
    "required": ["name", "size", "rivers"],
    "additionalProperties": False,
}
LARK = """
?start: select_statement
select_statement: "SELECT " column_list " FROM " table_name
column_list: column_name ("," column_name)*
table_name: identifier
column_name: identifier
identifier: /[a-z_][a-z0-9_]{0,5}/
"""
GBNF = """
root ::= select_statement
select_statement ::= "SELECT " column " from " table " where " condition
column ::= "col_1 " | "col_2 "
table ::= "table_1 " | "table_2 "
condition ::= column "= " number
number ::= "1 " | "2 "
"""
GBNF_AS_REGEX = r"SELECT col_[12]  from table_[12]  where col_[12] = [12] "


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    form = {"name": "form", "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": form}


def is_a_city(text: str) -> None:
    jsonschema.validate(json.loads(text), CITY)


def is_json_object(text: str) -> None:
    assert isinstance(json.loads(text), dict)


def is_choice(text: str) -> None:
    assert text in ("Paris", "Lyon", "Lyon!")


def is_date(text: str) -> None:
    assert re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text, re.ASCII)


def is_select(text: str) -> None:
    lark.Lark(LARK).parse(text)


def is_gbnf_select(text: str) -> None:
    assert re.fullmatch(GBNF_AS_REGEX, text)


def extra(**fields: Any) -> dict[str, Any]:
    return {"extra_body": fields}


FORMS: dict[str, tuple[dict[str, Any], Any]] = {
    "json_object": ({"response_format": {"type": "json_object"}}, is_json_object),
    "json_schema": ({"response_format": strict(CITY)}, is_a_city),
    "guided_json": (extra(guided_json=CITY), is_a_city),
    "guided_json as text": (extra(guided_json=json.dumps(CITY)), is_a_city),
    "guided_choice": (extra(guided_choice=["Paris", "Lyon", "Lyon!"]), is_choice),
    "guided_regex": (extra(guided_regex=r"\d{4}-(0[1-9]|1[0-2])"), is_date),
    "guided_grammar": (extra(guided_grammar=LARK), is_select),
    "gbnf": (extra(guided_grammar=GBNF), is_gbnf_select),
    "structured json": (extra(structured_outputs={"json": CITY}), is_a_city),
    "structured object": (extra(structured_outputs={"json_object": True}), is_json_object),
    "structured choice": (extra(structured_outputs={"choice": ["Paris", "Lyon"]}), is_choice),
    "structured regex": (extra(structured_outputs={"regex": r"\d{4}-(0[1-9]|1[0-2])"}), is_date),
    "structured grammar": (extra(structured_outputs={"grammar": LARK}), is_select),
    "structured gbnf": (extra(structured_outputs={"grammar": GBNF}), is_gbnf_select),
}
forms = pytest.mark.parametrize("form", FORMS)


@forms
def test_every_form_in_chat(client: openai.OpenAI, form: str) -> None:
    fields, judge = FORMS[form]
    answer = both(client, f"{FRANCE} Answer in JSON.", max_tokens=300, **fields)
    (choice,) = answer.choices
    assert choice.finish_reason == "stop"
    judge(choice.message.content)


@forms
def test_every_form_of_raw_text(client: openai.OpenAI, is_exact: bool, form: str) -> None:
    fields, judge = FORMS[form]
    if "response_format" in fields:
        fields = extra(**fields)
    ask: dict[str, Any] = {"model": MODEL, "prompt": ASKED, "temperature": 0}
    ask |= {"max_tokens": 300, **fields}
    answer = client.completions.create(**ask)
    (choice,) = answer.choices
    assert choice.finish_reason == "stop"
    judge(choice.text)
    chunks = list(client.completions.create(**ask, stream=True))
    text = "".join(chunk.choices[0].text for chunk in chunks)
    judge(text)
    assert text == choice.text or not is_exact
    assert chunks[-1].choices[0].finish_reason == "stop"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    inches: Literal[20, 26, 28]
    spokes: int | None


class Bell(BaseModel):
    kind: Literal["bell"]
    loud: bool


class Lamp(BaseModel):
    kind: Literal["lamp"]
    colour: Colour


class Bicycle(BaseModel):
    colour: Colour
    wheels: list[Wheel]
    extra: Bell | Lamp
    before: "Bicycle | None"


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_parse_with_pydantic(client: openai.OpenAI, seed: int | None) -> None:
    """Nested models, enums, lists, optional values, unions, and one that holds itself."""
    messages: Any = user("Give me a JSON object with name Anna and age 31.")
    sampling: dict[str, Any] = {"temperature": 0} if seed is None else {"seed": seed}
    for parse in (client.chat.completions.parse, client.beta.chat.completions.parse):
        answer = parse(
            model=MODEL,
            messages=messages,
            response_format=Bicycle,
            max_tokens=1500,
            logit_bias=likelier(client, "]", "}", "null", " null"),
            **sampling,
        )
        assert answer.choices[0].finish_reason == "stop"
        assert isinstance(answer.choices[0].message.parsed, Bicycle)


def likelier(client: openai.OpenAI, *texts: str) -> dict[str, int]:
    """A bias for the first token of each: lists and what holds itself come to an end."""
    url = str(client.base_url).replace("/v1/", "/v1/tokenize")
    first = (httpx.post(url, json={"prompt": text}).json()["tokens"][0] for text in texts)
    return {str(token): 12 for token in first}


def test_parse_what_the_model_knows(client: openai.OpenAI) -> None:
    class Capital(BaseModel):
        country: str
        capital: str

    ask: dict[str, Any] = {"model": MODEL, "temperature": 0, "response_format": Capital}
    ask["messages"] = user(f"{FRANCE} Answer in JSON.")
    parsed = client.chat.completions.parse(**ask).choices[0].message.parsed
    assert parsed == Capital(country="France", capital="Paris")
    with client.chat.completions.stream(**ask) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.parsed == parsed


@pytest.mark.parametrize("given", ["guided_whitespace_pattern", "structured_outputs"])
@pytest.mark.parametrize(("spaces", "wanted"), [(r"\n", {"\n"}), (r"[ \t]{3}", {" ", "\t"})])
def test_how_json_is_spaced(
    client: openai.OpenAI, given: str, spaces: str, wanted: set[str]
) -> None:
    form: dict[str, Any] = {"guided_json": CITY, given: spaces}
    if given == "structured_outputs":
        form = {given: {"json": CITY, "whitespace_pattern": spaces}}
    for seed in range(3):
        answer = whole(client, FRANCE, temperature=1, seed=seed, max_tokens=300, **extra(**form))
        text = answer.choices[0].message.content or ""
        is_a_city(text)
        between = re.sub(r'"(\\.|[^"\\])*"', "", text)
        assert set(re.findall(r"\s", between)) <= wanted


def test_a_stop_text_goes_before_the_form(client: openai.OpenAI) -> None:
    whole_text = whole(client, FRANCE, **extra(guided_choice=["abc END def"])).choices[0]
    assert whole_text.message.content == "abc END def"
    answer = both(client, FRANCE, stop=["END"], **extra(guided_choice=["abc END def"]))
    assert told(answer.choices[0]) | {"content": "abc ", "reason": "stop"} == told(
        answer.choices[0]
    )


def test_biases_and_penalties_choose_within_the_form(client: openai.OpenAI) -> None:
    url = str(client.base_url).replace("/v1/", "/v1/tokenize")
    one, two = (httpx.post(url, json={"prompt": text}).json()["tokens"][0] for text in "ab")
    for liked, other, text in ((one, two, "a"), (two, one, "b")):
        bias = {str(liked): 50, str(other): -50}
        answer = both(client, FRANCE, logit_bias=bias, **extra(guided_choice=["a", "b"]))
        assert answer.choices[0].message.content == text
    banned = {str(one): -100, str(two): -100}
    answer = both(client, FRANCE, logit_bias=banned, **extra(guided_choice=["a", "b"]))
    assert answer.choices[0].message.content in ("a", "b")
    for penalties in ({"frequency_penalty": 2, "presence_penalty": 2}, {"frequency_penalty": -2}):
        answer = both(client, FRANCE, **penalties, **extra(guided_regex="[ab]{20}c"))
        assert re.fullmatch("[ab]{20}c", answer.choices[0].message.content or "")


@pytest.mark.parametrize("form", ["guided_json", "guided_regex", "guided_choice", "gbnf"])
def test_every_token_has_a_log_probability(client: openai.OpenAI, form: str) -> None:
    """Also those that the form leaves no choice about."""
    fields, judge = FORMS[form]
    answer = both(client, FRANCE, logprobs=True, top_logprobs=3, max_tokens=300, **fields)
    (choice,) = answer.choices
    judge(choice.message.content)
    assert choice.logprobs
    entries = choice.logprobs.content or []
    assert "".join(entry.token for entry in entries) == choice.message.content
    assert all(entry.logprob <= 0 for entry in entries)
    assert {len(entry.top_logprobs) for entry in entries} == {3}


@mlx_only
@pytest.mark.parametrize("model", [MODEL, "noise"])
@pytest.mark.parametrize("form", ["guided_json", "guided_regex", "guided_grammar"])
def test_the_same_seed_the_same_text(client: openai.OpenAI, model: str, form: str) -> None:
    """Alone, among choices, and in a crowd of other forms and of none."""
    fields, judge = FORMS[form]
    fields = fields | {"model": model, "temperature": 1, "seed": 11, "max_tokens": 200}
    alone = told(whole(client, FRANCE, **fields).choices[0])
    assert alone["reason"] == "stop"
    judge(alone["content"])
    several = [told(choice) for choice in whole(client, FRANCE, n=3, **fields).choices]
    assert several[0] == alone
    assert len({str(each["content"]) for each in several}) > 1
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        other = {"model": model, "temperature": 1, "max_tokens": 60}
        crowd = [
            pool.submit(whole, client, "Tell me a story.", seed=number, **other, **extra)
            for number, extra in enumerate([{}, FORMS["json_object"][0], FORMS["gbnf"][0]] * 3)
        ]
        again = [pool.submit(whole, client, FRANCE, **fields) for _ in range(3)]
        assert [told(each.result().choices[0]) for each in again] == [alone] * 3
        assert all(each.result().choices for each in crowd)


def test_a_form_that_is_cut_is_told_honestly(client: openai.OpenAI, is_exact: bool) -> None:
    full = whole(client, FRANCE, max_tokens=300, **extra(guided_json=CITY))
    text = full.choices[0].message.content or ""
    assert full.usage
    lengths = range(1, full.usage.completion_tokens - 1, 3) if is_exact else (1, 7, 12)
    for tokens in lengths:
        answer = both(client, FRANCE, max_tokens=tokens, **extra(guided_json=CITY))
        assert answer.choices[0].finish_reason == "length"
        cut = answer.choices[0].message.content or ""
        assert text.startswith(cut if is_exact else cut[:1])
        assert answer.usage
        assert answer.usage.completion_tokens == tokens


def test_the_end_comes_only_where_the_form_allows_it(client: openai.OpenAI) -> None:
    """Whatever is said about the end of the text."""
    for fields in ({"ignore_eos": True}, {"min_tokens": 30}):
        answer = whole(client, FRANCE, max_tokens=60, **extra(guided_choice=["Paris"], **fields))
        assert answer.choices[0].message.content == "Paris"


BOTH_FORMS = [
    ({"guided_choice": ["a"], "guided_regex": "b"}, "guided_regex", "guided_choice"),
    ({"guided_json": CITY, "guided_grammar": LARK}, "guided_grammar", "guided_json"),
    (
        {"response_format": {"type": "json_object"}, "guided_json": CITY},
        "guided_json",
        "response_format",
    ),
    (
        {"structured_outputs": {"regex": "a", "choice": ["b"]}},
        "structured_outputs.choice",
        "structured_outputs.regex",
    ),
    (
        {"structured_outputs": {"regex": "a"}, "guided_regex": "a"},
        "structured_outputs.regex",
        "guided_regex",
    ),
]


@pytest.mark.parametrize(("form", "param", "other"), BOTH_FORMS, ids=[b[1] for b in BOTH_FORMS])
def test_two_forms_at_once(
    client: openai.OpenAI, form: dict[str, Any], param: str, other: str
) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        whole(client, FRANCE, extra_body=form)
    assert error.value.param == param
    assert param in error.value.message
    assert other in error.value.message


WRONG = [
    (extra(guided_json={"type": "strin"}), "guided_json"),
    (extra(guided_json="{"), "guided_json"),
    ({"response_format": strict({"$ref": "#/nowhere"})}, "response_format.json_schema.schema"),
    ({"response_format": {"type": "jason"}}, "response_format"),
    (extra(guided_regex="(a"), "guided_regex"),
    (extra(guided_regex=r"(a)\1"), "guided_regex"),
    (extra(guided_regex="(?=a)b"), "guided_regex"),
    (extra(guided_choice=[]), "guided_choice"),
    (extra(guided_grammar="start: nothing"), "guided_grammar"),
    (extra(guided_grammar='start: "a'), "guided_grammar"),
    (extra(guided_grammar="root ::= nothing"), "guided_grammar"),
    (extra(guided_grammar='root ::= "a'), "guided_grammar"),
    (extra(guided_whitespace_pattern=" "), "guided_whitespace_pattern"),
    (extra(structured_outputs={}), "structured_outputs"),
    (extra(structured_outputs={"regex": "[z-a]"}), "structured_outputs.regex"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[str(wrong[0])[:60] for wrong in WRONG])
def test_a_wrong_form_is_refused_by_name(
    server: RunningServer, client: openai.OpenAI, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        whole(client, FRANCE, **fields)
    assert error.value.param == param, error.value
    with pytest.raises(openai.BadRequestError) as streaming:
        streamed(client, FRANCE, **fields)
    assert streaming.value.param == param
