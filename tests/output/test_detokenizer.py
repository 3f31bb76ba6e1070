"""Joined pieces are what decoding everything at once gives, for any tokens."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from pippin import demo
from pippin.output.detokenizer import Detokenizer
from pippin.output.vocabulary import UnknownTokenizer, Vocabulary


def byte_level() -> Tokenizer:
    return Tokenizer.from_file(str(Path(demo.MODELS["demo"]) / "tokenizer.json"))


def sentencepiece() -> Tokenizer:
    """As Llama 2's: metaspace pieces, byte fallback, first space stripped."""
    pieces = ["<unk>", *[f"<0x{byte:02X}>" for byte in range(256)]]
    pieces += ["\u2581", "\u2581hello", "\u2581world", "a", "b", "é", "\u2581\u2581"]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def word_level() -> Tokenizer:
    """None of the known kinds."""
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


KINDS = {"byte-level": byte_level(), "sentencepiece": sentencepiece()}
BOTH = pytest.mark.parametrize("tokenizer", KINDS.values(), ids=KINDS.keys())


def streamed(tokenizer: Tokenizer, tokens: list[int], *, at_start: bool = True) -> str:
    detokenizer = Detokenizer(Vocabulary(tokenizer), at_start=at_start)
    pieces = [detokenizer.add(token) for token in tokens]
    return "".join(pieces) + detokenizer.finish()


@BOTH
@settings(deadline=None)
@given(data=st.data())
def test_streamed_equals_decoded_at_once(tokenizer: Tokenizer, data: st.DataObject) -> None:
    tokens = data.draw(st.lists(st.integers(0, tokenizer.get_vocab_size() - 1), max_size=40))
    whole = tokenizer.decode(tokens, skip_special_tokens=True)
    text = streamed(tokenizer, tokens)
    # Of bytes that are no UTF-8, decoders show different numbers of U+FFFD.
    assert text == whole or "\ufffd" in whole


@settings(deadline=None)
@given(st.text())
def test_any_text_survives_the_round_trip(text: str) -> None:
    tokenizer = KINDS["byte-level"]
    specials = [t.content for t in tokenizer.get_added_tokens_decoder().values() if t.special]
    if not any(special in text for special in specials):
        assert streamed(tokenizer, tokenizer.encode(text, add_special_tokens=False).ids) == text


@settings(deadline=None)
@given(st.text(min_size=1))
def test_no_piece_splits_a_character(text: str) -> None:
    tokenizer = KINDS["byte-level"]
    detokenizer = Detokenizer(Vocabulary(tokenizer))
    for token in tokenizer.encode(text, add_special_tokens=False).ids:
        assert "\ufffd" not in detokenizer.add(token) or "\ufffd" in text


def test_a_continued_text_keeps_its_first_space() -> None:
    tokenizer = KINDS["sentencepiece"]
    vocabulary = tokenizer.get_vocab()
    tokens = [vocabulary["\u2581hello"], vocabulary["\u2581world"]]
    assert streamed(tokenizer, tokens, at_start=True) == "hello world"
    assert streamed(tokenizer, tokens, at_start=False) == " hello world"


def test_special_tokens_are_no_text_and_unknown_ids_are_nothing() -> None:
    tokenizer = KINDS["byte-level"]
    end = tokenizer.get_vocab()["<|im_end|>"]
    assert streamed(tokenizer, [end, 10**6]) == ""


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    with pytest.raises(UnknownTokenizer, match="words"):
        Vocabulary(word_level())
