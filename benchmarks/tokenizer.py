"""A byte-level BPE tokenizer, trained on sources that every Python ships: no download."""

import json
import re
import sysconfig
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

EOS = "<|im_end|>"
SPECIAL = ("<|endoftext|>", "<|im_start|>", EOS)
CORPUS_BYTES = 6_000_000
"""Enough for every " word" of the vocabulary to be a real one, and trained in seconds."""

# Qwen2's split: words keep their leading space, digits stand alone.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_WORD = re.compile(r"Ġ[a-zA-Z]{2,}")


def _corpus() -> list[str]:
    """The standard library's top-level modules, in a fixed order."""
    texts: list[str] = []
    size = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        texts.append(text)
        size += len(text)
        if size >= CORPUS_BYTES:
            break
    return texts


def train(vocab_size: int) -> Tokenizer:
    """A tokenizer of exactly ``vocab_size`` entries; the same for the same Python release."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    if tokenizer.get_vocab_size() != vocab_size:
        raise RuntimeError(f"vocabulary is {tokenizer.get_vocab_size()}, not {vocab_size}")
    return tokenizer


def eos_id(tokenizer: Tokenizer) -> int:
    return tokenizer.get_vocab()[EOS]


def word_tokens(tokenizer: Tokenizer) -> list[int]:
    """Ids of the " word" tokens whose text encodes to that one token, ascending.

    Any sequence of them is its own tokenisation: a prompt made of n words has n tokens, and the
    text of an answer tells its tokens.
    """
    found = [id_ for piece, id_ in tokenizer.get_vocab().items() if _WORD.fullmatch(piece)]
    return sorted(id_ for id_ in found if tokenizer.encode(tokenizer.decode([id_])).ids == [id_])


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json`` as Hugging Face's loaders want."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS,
        "pad_token": SPECIAL[0],
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "chat_template": _CHATML,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
