"""The tokenizer: byte-level pairs learnt from the dialogues, single digits, any UTF-8.

Merges are learnt with words cut off from the space or sign before them. So a word has the same
tokens wherever it stands, ``say Paris`` or ``"city": "Paris"``, and the model can copy it without
learning two spellings of everything. The shipped files name Qwen's own pattern, which makes no
difference to the tokens (``check_same_tokens``) and which other programs know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .conversations import chat, chat_with_tools, long_conversation
from .render import TEMPLATE_FILE, segments
from .texts import words_of
from .words import WORDS, foreign

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END_OF_TEXT = "<|endoftext|>"
SPECIAL = [END_OF_TEXT, "<|im_start|>", "<|im_end|>"]
MARKERS = words_of(
    "<tool_call> </tool_call> <tool_response> </tool_response> <think> </think> <tools> </tools>"
)
LEARNING_SPLIT = SPLIT.replace(r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\p{L}+")
CONTEXT = 4096


def train_tokenizer(vocab_size: int, seed: int, conversations: int = 16_000) -> Tokenizer:
    """Learn the merges from freshly made-up conversations."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _splitting_by(LEARNING_SPLIT)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL) - len(MARKERS),
        min_frequency=3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(Random(seed), conversations), trainer)
    tokenizer.pre_tokenizer = _splitting_by(SPLIT)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in MARKERS])
    return tokenizer


def check_same_tokens(tokenizer: Tokenizer, seed: int, texts: int = 500) -> int:
    """Compare the tokens by both patterns; return how many texts agreed."""
    examples = list(_texts(Random(seed), texts))
    shipped = [encode(tokenizer, text) for text in examples]
    tokenizer.pre_tokenizer = _splitting_by(LEARNING_SPLIT)
    learnt = [encode(tokenizer, text) for text in examples]
    tokenizer.pre_tokenizer = _splitting_by(SPLIT)
    if shipped != learnt:
        raise AssertionError("the two patterns lead to different tokens")
    return len(examples)


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that Hugging Face and mlx_lm read."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": END_OF_TEXT,
        "unk_token": None,
        "add_bos_token": False,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (folder / "chat_template.jinja").write_text(TEMPLATE_FILE.read_text())


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer of a folder."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the token ids of a text."""
    return tokenizer.encode(text, add_special_tokens=False).ids


def check_round_trips(tokenizer: Tokenizer, seed: int, strings: int = 3000) -> int:
    """Encode and decode random Unicode strings; return how many came back unchanged."""
    rng = Random(seed)
    kept = 0
    for _ in range(strings):
        text = "".join(_random_character(rng) for _ in range(rng.randint(1, 40)))
        kept += tokenizer.decode(encode(tokenizer, text), skip_special_tokens=False) == text
    return kept


def _splitting_by(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _random_character(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.4:
        return chr(rng.randint(0, 127))
    if draw < 0.8:
        return chr(rng.randint(128, 0xD7FF))
    return chr(rng.randint(0xE000, 0x10FFFF))


def _texts(rng: Random, conversations: int) -> Iterator[str]:
    marker = re.compile("|".join(map(re.escape, (*SPECIAL, *MARKERS))))
    for index in range(conversations):
        make = chat_with_tools if index % 3 == 0 else chat
        conversation = long_conversation(rng, 200) if index % 40 == 1 else make(rng)
        text = "".join(piece.text for piece in segments(conversation))
        yield from marker.sub("\n", text).split("\n\n")
    for _ in range(3):
        yield " ".join(WORDS)
    yield " ".join(foreign(rng) for _ in range(500))
