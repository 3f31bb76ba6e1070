"""Known chat formats: each writes a conversation, lets an answer be continued, and nothing else."""

import pytest

from pippin.core.request import ChatPrompt, Message
from pippin.errors import InvalidRequest
from pippin.prompt.chat_formats import CHAT_FORMATS, UnknownFormat, chat_format
from pippin.prompt.template import ChatTemplate

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
SYSTEM = Message(role="system", content="Be kind.")
HELLO = Message(role="user", content="Hello")
TALK = (
    SYSTEM,
    HELLO,
    Message(role="assistant", content="Hi!"),
    Message(role="user", content="Bye"),
)


def rendered(name: str, *messages: Message) -> str:
    return ChatTemplate(chat_format(name), SPECIAL).render(ChatPrompt(messages=messages))


@pytest.mark.parametrize("name", sorted(CHAT_FORMATS))
def test_every_format(name: str) -> None:
    whole = rendered(name, *TALK)
    places = [whole.index(text) for text in ("Be kind.", "Hello", "Hi!", "Bye")]
    assert places == sorted(places)
    assert "{" not in whole
    assert whole.startswith("<s>") == ("bos_token" in chat_format(name))
    assert "Be kind." not in rendered(name, HELLO)
    begun = rendered(name, HELLO, Message(role="assistant", content="Hi th"))
    assert begun.endswith("Hi th")
    assert begun.startswith(rendered(name, HELLO).rstrip())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "chatml",
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
            "<|im_start|>assistant\nHi!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        (
            "llama-2",
            "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHello [/INST] Hi! </s><s>[INST] Bye [/INST]",
        ),
        (
            "llama-3",
            "<s><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nHi!<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        ("mistral-instruct", "<s>[INST] Be kind.\n\nHello [/INST] Hi!</s>[INST] Bye [/INST]"),
        (
            "gemma",
            "<s><start_of_turn>user\nBe kind.\n\nHello<end_of_turn>\n<start_of_turn>model\n"
            "Hi!<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            "zephyr",
            "<|system|>\nBe kind.</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi!</s>\n"
            "<|user|>\nBye</s>\n<|assistant|>\n",
        ),
        ("vicuna", "<s>Be kind. USER: Hello ASSISTANT: Hi!</s>USER: Bye ASSISTANT:"),
        (
            "openchat",
            "<s>GPT4 Correct System: Be kind.<|end_of_turn|>GPT4 Correct User: Hello"
            "<|end_of_turn|>GPT4 Correct Assistant: Hi!<|end_of_turn|>GPT4 Correct User: Bye"
            "<|end_of_turn|>GPT4 Correct Assistant:",
        ),
    ],
)
def test_formats_to_the_letter(name: str, expected: str) -> None:
    assert rendered(name, *TALK) == expected


def test_turns_that_a_format_cannot_write() -> None:
    with pytest.raises(InvalidRequest, match="take turns"):
        rendered("llama-2", HELLO, HELLO)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownFormat, match=r"'chatlm'.*chatml"):
        chat_format("chatlm")
