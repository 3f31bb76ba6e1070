"""Token ids → the bytes that they stand for."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from tokenizers import Tokenizer

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE_MARK = "\u2581"


class UnknownTokenizer(Exception):
    """Neither byte-level nor SentencePiece: what joining its tokens gives is not known."""


class Vocabulary:
    """Every token's bytes. Immutable; owned by the worker.

    Knows the two ways in which all generating models write tokens: byte-level BPE (each byte a
    printable character, GPT-2) and SentencePiece (U+2581 for a space, ``<0x0A>`` for a byte).
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Raises ``UnknownTokenizer``: it writes tokens in another way."""
        added = tokenizer.get_added_tokens_decoder()
        self._special = frozenset(i for i, token in added.items() if token.special)
        self._special_ids = {added[i].content: i for i in sorted(self._special)}
        self._specials = _any_of(self._special_ids)
        decoders = _decoder_steps(tokenizer)
        self.strips_first_space = _strips_first_space(decoders)
        """Whether a text's very first space is the tokenizer's own and not the text's."""
        to_bytes = _piece_decoder(decoders)
        pieces = tokenizer.get_vocab(with_added_tokens=True)
        size = max(pieces.values(), default=-1) + 1
        self._bytes = [b""] * size
        for piece, i in pieces.items():
            self._bytes[i] = added[i].content.encode() if i in added else to_bytes(piece)

    def __len__(self) -> int:
        return len(self._bytes)

    def split(self, text: str) -> list[str | int]:
        """The special tokens that a text contains, and what lies between them."""
        if self._specials is None:
            return [text] if text else []
        pieces: list[str | int] = []
        end = 0
        for match in self._specials.finditer(text):
            pieces += [text[end : match.start()], self._special_ids[match[0]]]
            end = match.end()
        return [piece for piece in (*pieces, text[end:]) if piece != ""]

    def is_special(self, token: int) -> bool:
        """Control tokens, which are no part of any text."""
        return token in self._special

    def bytes_of(self, token: int) -> bytes:
        """What the token stands for; nothing for ids that the tokenizer does not know, which
        some models have as padding of their output."""
        return self._bytes[token] if token < len(self._bytes) else b""

    def text_of(self, token: int) -> str:
        """For people; U+FFFD where the bytes are no whole character."""
        return self.bytes_of(token).decode("utf-8", "replace")


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """The longest one at each place."""
    longest_first = sorted(filter(None, texts), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _decoder_steps(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    if tokenizer.decoder is None:
        return []
    state = json.loads(tokenizer.to_str())["decoder"]
    steps: list[dict[str, Any]] = state["decoders"] if state["type"] == "Sequence" else [state]
    return steps


def _strips_first_space(steps: list[dict[str, Any]]) -> bool:
    return any(
        (step["type"] == "Strip" and step["content"] == " " and step["start"] > 0)
        or (step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never")
        for step in steps
    )


def _piece_decoder(steps: list[dict[str, Any]]) -> Callable[[str], bytes]:
    kinds = {step["type"] for step in steps}
    if "ByteLevel" in kinds:
        alphabet = _byte_alphabet()
        return lambda piece: _byte_level(piece, alphabet)
    if kinds & {"Metaspace", "ByteFallback", "Replace"}:
        return _sentencepiece
    raise UnknownTokenizer(f"tokens are written as {', '.join(sorted(kinds)) or 'words'}")


def _byte_level(piece: str, alphabet: dict[str, int]) -> bytes:
    try:
        return bytes(alphabet[char] for char in piece)
    except KeyError:
        return piece.encode()


def _sentencepiece(piece: str) -> bytes:
    if match := _BYTE_TOKEN.fullmatch(piece):
        return bytes([int(match[1], 16)])
    return piece.replace(_SPACE_MARK, " ").encode()


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte (openai/gpt-2, encoder.py: bytes_to_unicode)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in printable)
    return alphabet | {chr(256 + n): byte for n, byte in enumerate(others)}
