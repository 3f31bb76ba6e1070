"""How byte-level tokenizers cut a text before they merge bytes, by the names that GGUF files use.

The patterns are those of the models' own ``tokenizer.json``; the names are llama.cpp's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_CAPITALS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_SMALL = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_SIGNS}|{_SPACES}"
_QWEN2 = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_SIGNS}|{_SPACES}"
_QWEN35 = (
    rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
)
_DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"
    rf"|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
)


def _words(ending: str, digits: str) -> str:
    """Words that end where capitals begin anew."""
    return (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}*{_SMALL}+{ending}"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}+{_SMALL}*{ending}"
        rf"|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
    )


_TEKKEN = _words("", r"\p{N}")
_GPT4O = _words(f"{_CONTRACTIONS}?", r"\p{N}{1,3}")


@dataclass(frozen=True, slots=True)
class Splits:
    """Of one kind of tokenizer."""

    patterns: tuple[str, ...]
    """Each cuts what the one before left."""
    whole_words: bool = False
    """Whether a piece that is a token by itself is not merged from its bytes."""
    begins: bool = False
    """Whether texts begin with the BOS token where the file does not say."""


_KINDS: Final = (
    (
        Splits((_GPT2,)),
        "gpt-2 phi-2 gigachat a.x-4.0 mellum exaone4 mpt olmo jais trillion granite-docling",
    ),
    (
        Splits((r"\p{N}", _GPT2)),
        "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2",
    ),
    (
        Splits((_LLAMA3,), whole_words=True, begins=True),
        "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2",
    ),
    (Splits((_LLAMA3,), whole_words=True), "glm4 glm5"),
    (Splits((_LLAMA3,)), "dbrx smaug-bpe chatglm-bpe"),
    (Splits((_QWEN2,)), "qwen2 deepseek-r1-qwen kormo megrez stablelm2 hunyuan solar-open grok-2"),
    (Splits((_QWEN35,)), "qwen35"),
    (
        Splits((r"\p{N}{1,3}", r"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", _DEEPSEEK3)),
        "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
    ),
    (
        Splits((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[\u0800-\u9fa5\uac00-\ud7ff]+", r"\p{N}")),
        "deepseek-coder",
    ),
    (Splits((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]")), "falcon"),
    (Splits((_TEKKEN,), whole_words=True), "tekken"),
    (Splits((_GPT4O,)), "gpt-4o llama4 kanana2 talkie minimax-m2"),
)
SPLITS: Final[Mapping[str, Splits]] = MappingProxyType(
    {name: splits for splits, names in _KINDS for name in names.split()}
)
"""``tokenizer.ggml.pre`` → how texts are cut."""
