"""Vocabularies that the tests compile against, and walks through what they allow."""

import random
from pathlib import Path

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models

import pippin.demo
from pippin.engine.constraints.vocabulary import constraint_tokenizer
from pippin.output.vocabulary import Vocabulary

DEMO = Path(pippin.demo.__file__).parent / "models" / "demo" / "tokenizer.json"


def tokenizer_of(source: Tokenizer, ends: tuple[str, ...], *, padding: int = 0) -> LLTokenizer:
    vocabulary = Vocabulary(source)
    eos = frozenset(id_of(source, end) for end in ends)
    return constraint_tokenizer(
        vocabulary,
        len(vocabulary) + padding,
        eos,
        lambda text: source.encode(text, add_special_tokens=False).ids,
    )


def id_of(source: Tokenizer, token: str) -> int:
    found = source.token_to_id(token)
    assert found is not None
    return found


def demo(*special: str, padding: int = 0) -> LLTokenizer:
    """The demo model's, with further special tokens."""
    source = Tokenizer.from_file(str(DEMO))
    source.add_special_tokens([AddedToken(text, special=True) for text in special])
    return tokenizer_of(source, ("<|endoftext|>", "<|im_end|>"), padding=padding)


def letters() -> LLTokenizer:
    """A token per byte, and one that ends a text."""
    pieces = {f"<0x{byte:02X}>": byte for byte in range(256)}
    source = Tokenizer(models.BPE(vocab=pieces, merges=[], byte_fallback=True))
    source.decoder = decoders.ByteFallback()
    source.add_special_tokens([AddedToken("</s>", special=True)])
    return tokenizer_of(source, ("</s>",))


def accepts(matcher: LLMatcher, tokenizer: LLTokenizer, text: str) -> bool:
    """Whether the text, token by token, is allowed and may end there."""
    return accepts_tokens(matcher, tokenizer.tokenize_str(text))


def accepts_tokens(matcher: LLMatcher, tokens: list[int]) -> bool:
    for token in tokens:
        if not allowed(matcher.compute_bitmask(), token) or not matcher.consume_token(token):
            return False
    return matcher.is_accepting()


def allowed(bits: bytes, token: int) -> bool:
    return bool(bits[token >> 3] >> (token & 7) & 1)


def all_allowed(bits: bytes, vocab_size: int) -> list[int]:
    """The tokens that a mask allows, in order."""
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), count=vocab_size, bitorder="little")
    found: list[int] = flags.nonzero()[0].tolist()
    return found


def walk(
    matcher: LLMatcher, tokenizer: LLTokenizer, dice: random.Random, *, most: int = 300
) -> str | None:
    """A text made of allowed tokens by chance, or ``None`` if it did not end soon enough.

    The end is taken as soon as the dice want it, later ever more often.
    """
    tokens: list[int] = []
    eos = frozenset(tokenizer.eos_tokens)
    while len(tokens) < most:
        bits = matcher.compute_bitmask()
        if matcher.is_error():
            return None
        choices = all_allowed(bits, tokenizer.vocab_size)
        assert choices, "a mask allows nothing"
        ends = [t for t in choices if t in eos]
        if ends and (len(ends) == len(choices) or dice.random() < 0.3):
            return tokenizer.decode_str(tokens)
        token = dice.choice([t for t in choices if t not in eos])
        assert matcher.consume_token(token)
        tokens.append(token)
    return None
