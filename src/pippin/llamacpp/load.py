"""A GGUF model's files → a model that can be called, and what others must know of it."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from pippin.core.sampling import SamplingDefaults
from pippin.formats.errors import BadModelFile
from pippin.formats.gguf import GGUFHeader, read_gguf
from pippin.formats.gguf_facts import gguf_parts
from pippin.formats.gguf_values import Value
from pippin.llamacpp.native import Weights
from pippin.llamacpp.tokenizer import disagreements, tokenizer_of, words_of
from pippin.models.digest import digest_of_files
from pippin.models.errors import CannotLoad
from pippin.models.resolve import Progress

log = logging.getLogger(__name__)

CACHE_BYTES: Mapping[int, float] = {0: 2.0, 8: 34 / 32, 4: 18 / 32}
"""Bits of cached numbers → bytes of one, with its share of what blocks have in common."""
MOST = {"block_count": 512, "expert_count": 512}
"""Beyond these llama.cpp ends the process instead of refusing the model."""
SPECIAL = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedGGUF:
    """Owned by the worker."""

    weights: Weights
    tokenizer: Tokenizer
    chat_template: str | None
    special_tokens: dict[str, str]
    architecture: str
    context_length: int
    eos: frozenset[int]
    defaults: SamplingDefaults
    digest: str
    """Of everything that decides what the model says, in hexadecimal."""
    token_numbers: int
    """That the cache holds for each token."""
    stored: str
    """How most of the weights are stored: ``Q4_K``."""

    def token_bytes(self, kv_bits: int) -> int:
        """Of the cache, for each token."""
        return max(1, int(self.token_numbers * CACHE_BYTES[kv_bits]))


def load(first: Path, progress: Progress) -> LoadedGGUF:
    """Check the files, then let llama.cpp load them. ``first``: of a split model its first file.

    Raises:
        CannotLoad: this is no model that can be served here, and why.
    """
    progress("reading", 0, 0)
    try:
        files = gguf_parts(first)
        headers = [read_gguf(file) for file in files]
    except BadModelFile as error:
        raise CannotLoad(str(error)) from error
    header = headers[0]
    _check_parts(headers)
    words = words_of(header)
    tokenizer = tokenizer_of(words)
    weights = Weights(files, lambda done, total: progress("loading", done, total))
    if not weights.generates:
        raise CannotLoad(f"{first} is no model that goes on with a text.")
    if weights.vocab_size < len(words.tokens):
        raise CannotLoad(f"{first} has more tokens than its weights know.")
    for sample in disagreements(tokenizer, weights.tokens_of) if words.complete else ():
        log.warning("llama.cpp would read %r in other tokens", sample)
    template = header.metadata.get("tokenizer.chat_template")
    special = {name: text for name, part in SPECIAL.items() if (text := words.token(part))}
    return LoadedGGUF(
        weights=weights,
        tokenizer=tokenizer,
        chat_template=template if isinstance(template, str) and template else None,
        special_tokens=special,
        architecture=str(header.metadata.get("general.architecture", "unknown")),
        context_length=max(1, weights.trained_context),
        eos=frozenset(filter(weights.ends_a_text, range(len(words.tokens)))),
        defaults=_defaults(header.metadata),
        digest=digest_of_files(files),
        token_numbers=_token_numbers(header),
        stored=max((t for h in headers for t in h.tensors), key=lambda t: t.bytes).type,
    )


def threads(asked: int) -> int:
    """Of a pass: what was asked for, else half of what the system shows, which mostly shows each
    core twice."""
    return asked if asked > 1 else max(1, (os.cpu_count() or 1) // 2)


def _check_parts(headers: list[GGUFHeader]) -> None:
    if not any(header.tensors for header in headers):
        raise CannotLoad(f"{headers[0].path} has no weights.")
    said = headers[0].metadata.get("split.count", 1)
    if said not in (0, 1, len(headers)):
        raise CannotLoad(
            f"{headers[0].path} is one of {said} parts. Name them as llama.cpp does: "
            "NAME-00001-of-00002.gguf."
        )
    if "general.architecture" not in headers[0].metadata:
        raise CannotLoad(f"{headers[0].path} does not say what kind of model it is.")
    architecture = headers[0].metadata["general.architecture"]
    for name, most in MOST.items():
        count = headers[0].metadata.get(f"{architecture}.{name}", 1)
        least = 1 if name == "block_count" else 0
        if type(count) is not int or not least <= count <= most:
            raise CannotLoad(f"{headers[0].path}: {name} is {count}, and at most {most} can be.")


def _defaults(metadata: Mapping[str, Value]) -> SamplingDefaults:
    def number(name: str) -> float | None:
        value = metadata.get(f"general.sampling.{name}")
        return float(value) if isinstance(value, int | float) else None

    top_k = number("top_k")
    return SamplingDefaults(
        temperature=number("temp"),
        top_k=None if top_k is None else int(top_k),
        top_p=number("top_p"),
        min_p=number("min_p"),
        repetition_penalty=number("penalty_repeat"),
    )


def _token_numbers(header: GGUFHeader) -> int:
    """Keys and values of all layers; of models whose layers keep less it is an upper bound."""
    architecture = header.metadata.get("general.architecture")

    def number(name: str, otherwise: int) -> int:
        value = header.metadata.get(f"{architecture}.{name}")
        return value if type(value) is int and value > 0 else otherwise

    layers = number("block_count", 1)
    heads = number("attention.head_count", 1)
    width = number("embedding_length", 1) // heads
    per_head = number("attention.key_length", width) + number("attention.value_length", width)
    listed = header.items(f"{architecture}.attention.head_count_kv")
    of_layers = [each for each in listed if type(each) is int and each > 0]
    kept = sum(of_layers) if of_layers else layers * number("attention.head_count_kv", heads)
    return max(1, kept * per_head)
