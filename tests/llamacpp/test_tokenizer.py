"""Vocabularies of GGUF files: the same tokens as llama.cpp's own, and as the model's own files."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from pippin import demo
from pippin.formats.gguf import read_gguf
from pippin.llamacpp.load import LoadedGGUF
from pippin.llamacpp.splits import SPLITS
from pippin.llamacpp.tokenizer import SPACE, Kind, Words, disagreements, tokenizer_of, words_of
from pippin.models.errors import CannotLoad
from pippin.output.vocabulary import Vocabulary
from tests.formats.gguf_writer import ARRAY, STRING, entry, whole

OWN = Tokenizer.from_file(str(demo.MODELS["demo"] / "tokenizer.json"))
MINE = tokenizer_of(words_of(read_gguf(demo.MODELS["demo-gguf"])))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_the_demo_has_its_own_tokens_back(loaded: LoadedGGUF) -> None:
    mine = loaded.tokenizer
    assert mine.get_vocab() == OWN.get_vocab()
    added = {i: (t.content, t.special) for i, t in mine.get_added_tokens_decoder().items()}
    assert added == {i: (t.content, t.special) for i, t in OWN.get_added_tokens_decoder().items()}
    assert disagreements(mine, loaded.weights.tokens_of) == []


@settings(deadline=None)
@given(texts, st.sampled_from(["", "<|im_start|>", "<think>", "'ll ", " \n\n 12"]))
def test_any_text_is_cut_as_ever(text: str, extra: str) -> None:
    mine = MINE
    said = text + extra + text
    assert mine.encode(said).ids == OWN.encode(said).ids
    assert mine.decode(mine.encode(said).ids, skip_special_tokens=False) == said


def words(tokens: dict[str, int], **fields: Any) -> Words:
    """``tokens``: text → kind, scored by their order."""
    plain: dict[str, Any] = {
        "tokens": tuple(tokens),
        "kinds": tuple(tokens.values()),
        "scores": tuple(-float(i) for i in range(len(tokens))),
        "merges": (),
        "model": "llama",
        "split": "",
        "numbers": {"unknown": 0, "bos": 1, "eos": 2},
        "flags": {},
    }
    return Words(**(plain | fields))


BYTES = {f"<0x{i:02X}>": int(Kind.BYTE) for i in range(256)}
SENTENCE = {
    "<unk>": int(Kind.UNKNOWN),
    "<s>": int(Kind.CONTROL),
    "</s>": int(Kind.CONTROL),
    **BYTES,
    **dict.fromkeys(
        [f"{SPACE}the", "the", f"{SPACE}t", "he", *"theab", f"{SPACE}a", SPACE, "ab"],
        int(Kind.NORMAL),
    ),
    "<mark>": int(Kind.USER_DEFINED),
}


def test_sentencepiece() -> None:
    made = tokenizer_of(words(SENTENCE))
    encoded = made.encode("the ab the\n")
    assert encoded.tokens == ["<s>", f"{SPACE}the", f"{SPACE}a", "b", f"{SPACE}the", "<0x0A>"]
    assert made.encode("a<mark>é", add_special_tokens=False).tokens == [
        f"{SPACE}a",
        "<mark>",
        SPACE,
        "<0xC3>",
        "<0xA9>",
    ]
    vocabulary = Vocabulary(made)
    assert vocabulary.strips_first_space
    assert vocabulary.bytes_of(encoded.ids[1]) == b" the"
    assert [vocabulary.is_special(i) for i in range(3)] == [True] * 3
    assert not vocabulary.is_special(made.get_vocab()["<mark>"])


def test_sentencepiece_without_a_space_in_front() -> None:
    made = tokenizer_of(words(SENTENCE, flags={"add_space_prefix": False, "add_bos_token": False}))
    assert made.encode("the ab").tokens == ["the", f"{SPACE}a", "b"]
    assert not Vocabulary(made).strips_first_space


def test_what_stands_around_a_text() -> None:
    flags = {"add_bos_token": True, "add_eos_token": True}
    assert tokenizer_of(words(SENTENCE, flags=flags)).encode("ab").tokens[-1] == "</s>"


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_every_known_way_to_cut(split: str) -> None:
    """On bytes alone: whatever is cut, nothing is lost."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made = tokenizer_of(
        words(dict.fromkeys(alphabet, 1), model="gpt2", split=split, numbers={}, flags={})
    )
    for text in ("It's 12345 naïve\t日本 x_y=3.5;\r\n\n  end ", "HTMLParser isn't 10,000"):
        ids = made.encode(text, add_special_tokens=False).ids
        assert made.decode(ids) == text


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"model": "bert"}, "'bert'"),
        ({"model": ""}, "''"),
        ({"model": "gpt2", "split": "newest"}, r"\(newest\)"),
        ({"model": "gpt2", "split": ""}, "no name"),
    ],
)
def test_unknown_kinds_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotLoad, match=why):
        tokenizer_of(words(SENTENCE, **fields))


@pytest.mark.parametrize(
    ("name", "type", "value"),
    [("token_type", 5, [1]), ("scores", 6, [0.5] * 3), ("token_type", STRING, ["a", "b"])],
)
def test_lists_that_do_not_fit(tmp_path: Path, name: str, type: int, value: list[Any]) -> None:
    path = tmp_path / "a.gguf"
    tokens = entry("tokenizer.ggml.tokens", ARRAY, ["a", "b"], of=STRING)
    path.write_bytes(whole([tokens, entry(f"tokenizer.ggml.{name}", ARRAY, value, of=type)]))
    with pytest.raises(CannotLoad, match="does not fit"):
        words_of(read_gguf(path))


@pytest.mark.parametrize("name", ["tokens", "merges"])
def test_words_that_are_no_texts(tmp_path: Path, name: str) -> None:
    lists: dict[str, Any] = {"tokens": (["a", "b"], STRING), "merges": (["a b"], STRING)}
    lists[name] = ([1, 2], 4)
    path = tmp_path / "a.gguf"
    path.write_bytes(
        whole([entry(f"tokenizer.ggml.{k}", ARRAY, v, of=t) for k, (v, t) in lists.items()])
    )
    with pytest.raises(CannotLoad, match="no text"):
        words_of(read_gguf(path))


def test_no_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(whole())
    with pytest.raises(CannotLoad, match="no vocabulary"):
        words_of(read_gguf(path))


def test_llamacpp_is_not_asked_where_it_has_no_token() -> None:
    """It would end the process."""
    assert words(SENTENCE | BYTES).complete
    lacking = dict(list(BYTES.items())[:-1])
    assert not words({name: kind for name, kind in SENTENCE.items() if name not in BYTES}).complete
    assert not words({"<unk>": int(Kind.UNKNOWN)} | lacking).complete
    assert words_of(read_gguf(demo.MODELS["demo-gguf"])).complete
