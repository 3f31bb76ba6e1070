"""A GGUF file's vocabulary → a tokenizer of the kind that all other models have.

llama.cpp has tokenizers of its own; they are not used for clients' texts, some of them take more
stack than there is for a long one. ``disagreements`` compares the two when a model is loaded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from pippin.formats.gguf import GGUFHeader
from pippin.llamacpp.splits import SPLITS, Splits
from pippin.models.errors import CannotLoad

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""How SentencePiece writes a space."""
BYTES = tuple(f"<0x{number:02X}>" for number in range(256))
"""How SentencePiece writes bytes of what it has no token for."""
SAMPLES = (
    "Hello, world! It's 12345 o'clock, isn't it?",
    "  two spaces\n\n\tand a tab \r\n",
    "def f(x):\n    return x**2  # naïve\n",
    '{"key": [1, 2.5, null], "größe": "straße"}',
    "日本語のテキスト、Ελληνικά и русский 🙂",
    "MixedCase snake_case 3.14159 100,000 https://example.com/a?b=c#d",
)
"""Texts that any tokenizer must cut as llama.cpp does."""


class Kind(IntEnum):
    """``tokenizer.ggml.token_type``."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Words:
    """What a file says of its tokens."""

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    scores: tuple[float, ...]
    merges: tuple[str, ...]
    model: str
    split: str
    """``tokenizer.ggml.pre``."""
    numbers: Mapping[str, int]
    """Tokens with a part of their own: ``bos``, ``eos``, ``unknown``, ``padding``."""
    flags: Mapping[str, bool]
    """``add_bos_token``, ``add_eos_token``, ``add_space_prefix``, where the file says."""

    def token(self, part: str) -> str | None:
        """The text of a token with a part of its own."""
        number = self.numbers.get(part)
        return None if number is None else self.tokens[number]

    @property
    def complete(self) -> bool:
        """Whether any text can be written in these tokens. Of others llama.cpp must not be asked
        for tokens: it ends the process where it has none."""
        return self.model == "gpt2" or set(BYTES) <= set(self.tokens)

    def special(self) -> Iterator[int]:
        """Control tokens, which are no part of any text."""
        return (i for i, kind in enumerate(self.kinds) if kind in (Kind.CONTROL, Kind.UNKNOWN))


def words_of(header: GGUFHeader) -> Words:
    """Raises ``CannotLoad``: they make no sense."""
    prefix = "tokenizer.ggml."
    tokens = header.items(f"{prefix}tokens")
    merges = header.items(f"{prefix}merges")
    if not tokens:
        raise CannotLoad(f"{header.path} has no vocabulary.")
    if not all(isinstance(each, str) for each in (*tokens, *merges)):
        raise CannotLoad(f"{header.path} has a vocabulary that is no text.")

    def listed(name: str, otherwise: float) -> tuple[float, ...]:
        values = header.items(prefix + name) or (otherwise,) * len(tokens)
        numbers = tuple(each for each in values if isinstance(each, int | float))
        if len(numbers) != len(tokens) or len(values) != len(tokens):
            raise CannotLoad(f"{header.path}: {prefix}{name} does not fit the vocabulary.")
        return numbers

    names = ("bos", "eos", "unknown", "padding")
    numbers = {each: header.metadata.get(f"{prefix}{each}_token_id") for each in names}
    flags = ("add_bos_token", "add_eos_token", "add_space_prefix")
    return Words(
        tokens=tuple(map(str, tokens)),
        kinds=tuple(int(each) for each in listed("token_type", Kind.NORMAL)),
        scores=listed("scores", 0.0),
        merges=tuple(map(str, merges)),
        model=str(header.metadata.get(f"{prefix}model", "")),
        split=str(header.metadata.get(f"{prefix}pre", "")),
        numbers={k: v for k, v in numbers.items() if type(v) is int and 0 <= v < len(tokens)},
        flags={
            k: header.metadata[prefix + k] is True for k in flags if prefix + k in header.metadata
        },
    )


def tokenizer_of(words: Words) -> Tokenizer:
    """Raises ``CannotLoad``: it is of a kind that is not known here."""
    if words.model == "gpt2":
        splits = SPLITS.get(words.split)
        if splits is None:
            raise CannotLoad(
                f"The model cuts texts in a way that is not known here ({words.split or 'no name'}"
                "). Use a model in MLX's format, or one of another family."
            )
        tokenizer, begins = _byte_level(words, splits), splits.begins
    elif words.model in ("llama", "gemma4"):
        tokenizer, begins = _sentencepiece(words), True
    else:
        raise CannotLoad(
            f"The model has a tokenizer of a kind that is not known here ({words.model!r})."
        )
    _add_tokens(tokenizer, words)
    _add_ends(tokenizer, words, begins)
    return tokenizer


def disagreements(tokenizer: Tokenizer, native: Callable[[str], list[int]]) -> list[str]:
    """The samples that llama.cpp would cut in another way."""
    return [
        text
        for text in SAMPLES
        if list(tokenizer.encode(text, add_special_tokens=False).ids) != native(text)
    ]


def _byte_level(words: Words, splits: Splits) -> Tokenizer:
    tokenizer = Tokenizer(
        models.BPE(
            vocab=_by_text(words), merges=_known_merges(words), ignore_merges=splits.whole_words
        )
    )
    cuts: list[Any] = [
        pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in splits.patterns
    ]
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cuts, bytes_only])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentencepiece(words: Words) -> Tokenizer:
    """As byte-pair merges: those of the file, or else best score first, which is what
    SentencePiece does with scores."""
    tokenizer = Tokenizer(
        models.BPE(
            vocab=_by_text(words),
            merges=_known_merges(words) if words.merges else _merges_by_score(words),
            unk_token=words.token("unknown"),
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    prefixed = words.flags.get("add_space_prefix", not words.merges)
    spaces: list[Any] = [normalizers.Replace(" ", SPACE)]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend(SPACE), *spaces] if prefixed else spaces
    )
    steps: list[Any] = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(
        [*steps, decoders.Strip(" ", 1, 0)] if prefixed else steps
    )
    return tokenizer


def _known_merges(words: Words) -> list[tuple[str, str]]:
    known = set(words.tokens)
    pairs = map(_pair, words.merges)
    return [(a, b) for a, b in pairs if a in known and b in known and a + b in known]


def _merges_by_score(words: Words) -> list[tuple[str, str]]:
    normal = {
        text: number
        for number, (text, kind) in enumerate(zip(words.tokens, words.kinds, strict=True))
        if kind == Kind.NORMAL
    }
    found = []
    for text, number in normal.items():
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if left in normal and right in normal:
                found.append((-words.scores[number], normal[left], normal[right], left, right))
    found.sort()
    return [(left, right) for *_, left, right in found]


def _by_text(words: Words) -> dict[str, int]:
    """Of a text that is there twice the first one counts."""
    vocabulary: dict[str, int] = {}
    for number, text in enumerate(words.tokens):
        vocabulary.setdefault(text, number)
    return vocabulary


def _pair(merge: str) -> tuple[str, str]:
    # A token may begin with a space of its own, so the cut is not before the second character.
    left, _, right = merge[1:].partition(" ")
    return merge[:1] + left, right


def _add_tokens(tokenizer: Tokenizer, words: Words) -> None:
    """Those that are found in a text before it is cut."""
    special = set(words.special())
    for number, (text, kind) in enumerate(zip(words.tokens, words.kinds, strict=True)):
        if text and (number in special or kind == Kind.USER_DEFINED):
            token = AddedToken(text, special=number in special, normalized=False)
            tokenizer.add_tokens([token])
            if tokenizer.token_to_id(text) == number and number in special:
                tokenizer.add_special_tokens([token])


def _add_ends(tokenizer: Tokenizer, words: Words, begins: bool) -> None:
    """What stands before and behind a text that is not a conversation."""
    first = words.token("bos") if words.flags.get("add_bos_token", begins) else None
    last = words.token("eos") if words.flags.get("add_eos_token", False) else None
    if first is None and last is None:
        return
    around: Sequence[str] = [each for each in (first, "$A", last) if each is not None]
    ends = [(each, words.numbers[part]) for each, part in ((first, "bos"), (last, "eos")) if each]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=list(around), special_tokens=ends
    )
