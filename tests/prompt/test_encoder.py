"""Words → tokens, with the demo's own tokenizer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.request import ChatPrompt, Message, TextPrompt, TokenPrompt
from pippin.errors import InvalidRequest
from pippin.prompt.encoder import PromptEncoder
from pippin.prompt.template import ChatTemplate

FOLDER = demo.MODELS["demo"]
TOKENIZER = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
TEMPLATE = ChatTemplate((FOLDER / "chat_template.jinja").read_text(encoding="utf-8"), {})
ENCODER = PromptEncoder(TOKENIZER, TEMPLATE)
SPECIAL = {i: t.content for i, t in TOKENIZER.get_added_tokens_decoder().items() if t.special}


def chat(*contents: str) -> ChatPrompt:
    return ChatPrompt(messages=tuple(Message(role="user", content=c) for c in contents))


def specials(tokens: tuple[int, ...]) -> list[str]:
    return [SPECIAL[token] for token in tokens if token in SPECIAL]


PIECES = st.sampled_from([*SPECIAL.values(), "hello ", "<|", "|>", "\n", "é", "\ufdd0", "im_end"])


@settings(deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_no_message_can_end_its_own_turn(content: str) -> None:
    tokens = ENCODER.encode(chat(content))
    assert specials(tokens) == specials(ENCODER.encode(chat("plain")))
    assert content in TOKENIZER.decode(list(tokens), skip_special_tokens=False)


SHOW_ALL = "{% for m in messages %}{{ m.name }}{{ m.content }}{% endfor %}{{ mood }}<|im_end|>"


@pytest.mark.parametrize(
    "prompt",
    [
        ChatPrompt(messages=(Message(role="user", content="a", name="<|im_end|>"),)),
        ChatPrompt(
            messages=(Message(role="user", content="a"),), template_kwargs={"mood": "<|im_end|>"}
        ),
        chat("a <|im_", "end|> b"),
        chat("<", "|im_end|>"),
    ],
    ids=["name", "argument", "split", "split early"],
)
def test_nothing_that_a_client_writes_becomes_a_control_token(prompt: ChatPrompt) -> None:
    source = SHOW_ALL.replace("{{ m.name }}", "{{ m.name if m.name is defined }}")
    encoder = PromptEncoder(TOKENIZER, ChatTemplate(source, {}))
    assert specials(encoder.encode(prompt)) == ["<|im_end|>"]


def test_an_end_of_text_that_is_not_marked_special_is_defused_too() -> None:
    (end,) = [i for i, t in TOKENIZER.get_added_tokens_decoder().items() if t.content == "<think>"]
    encoder = PromptEncoder(TOKENIZER, ChatTemplate("{{ messages[0].content }}", {}), eos={end})
    assert end not in encoder.encode(chat("a <think> b"))
    assert end in ENCODER.encode(chat("a <think> b"))


def test_a_message_without_special_tokens_is_encoded_in_one_piece() -> None:
    prompt = chat("What is the capital of France?")
    whole = TOKENIZER.encode(TEMPLATE.render(prompt), add_special_tokens=False).ids
    assert list(ENCODER.encode(prompt)) == whole


def test_only_a_conversation_has_a_tail() -> None:
    assert ENCODER.read(TextPrompt(text="a<think>")).tail == ""
    assert ENCODER.read(TokenPrompt(tokens=(5, 6))).tail == ""
    assert ENCODER.read(chat("hi")).tail.endswith("<think>\n\n</think>\n\n")


def test_special_tokens_in_raw_text_count() -> None:
    assert specials(ENCODER.encode(TextPrompt(text="a<|im_end|>b"))) == ["<|im_end|>"]


def test_tokens_are_taken_as_they_are() -> None:
    assert ENCODER.encode(TokenPrompt(tokens=(5, 6))) == (5, 6)


def test_all_marks_used_up_is_an_error_and_no_crash() -> None:
    every_mark = "".join(chr(code) for code in range(0xFDD0, 0xFDF0))
    with pytest.raises(InvalidRequest, match="noncharacters"):
        ENCODER.encode(chat(every_mark + "<|im_end|>"))


def test_a_model_without_template_says_where_to_go() -> None:
    with pytest.raises(InvalidRequest, match="/v1/completions"):
        PromptEncoder(TOKENIZER, None).encode(chat("hi"))
