"""The vocabulary that grammars are compiled against."""

import pytest
from tokenizers import Tokenizer

from pippin.engine.constraints.opening import special_tokens
from pippin.engine.constraints.vocabulary import constraint_tokenizer
from pippin.output.vocabulary import Vocabulary
from tests.engine.constraints.vocabularies import DEMO, demo, id_of, letters


def test_width_is_that_of_the_logits() -> None:
    source = Tokenizer.from_file(str(DEMO))
    assert demo(padding=100).vocab_size == source.get_vocab_size() + 100


def test_all_ends_are_known() -> None:
    source = Tokenizer.from_file(str(DEMO))
    ends = [id_of(source, end) for end in ("<|endoftext|>", "<|im_end|>")]
    assert sorted(demo().eos_tokens) == sorted(ends)


def test_no_end_is_an_error() -> None:
    vocabulary = Vocabulary(Tokenizer.from_file(str(DEMO)))
    with pytest.raises(ValueError, match="ends a text"):
        constraint_tokenizer(vocabulary, len(vocabulary), frozenset({10**6}), lambda _: [])


@pytest.mark.parametrize("text", ["hello world", ' {"a": 1}\n', "né\u4e2d🎉", ""])
def test_text_is_written_to_the_byte(text: str) -> None:
    for tokenizer in (demo(), letters()):
        assert tokenizer.decode_str(tokenizer.tokenize_str(text)) == text


def test_encoder_that_adds_a_space_is_not_trusted() -> None:
    source = Tokenizer.from_file(str(DEMO))
    vocabulary = Vocabulary(source)
    tokenizer = constraint_tokenizer(
        vocabulary,
        len(vocabulary),
        frozenset({id_of(source, "<|im_end|>")}),
        lambda text: source.encode(" " + text).ids,
    )
    assert tokenizer.decode_str(tokenizer.tokenize_str("hello")) == "hello"


def test_special_tokens_are_no_text() -> None:
    tokenizer = demo("<think>")
    special = special_tokens(tokenizer)
    assert {"<think>", "<|im_end|>"} <= special.keys()
    for name, token in special.items():
        assert tokenizer.is_special_token(token)
        assert token not in tokenizer.tokenize_str(name)
        assert tokenizer.decode_str(tokenizer.tokenize_str(name)) == name
