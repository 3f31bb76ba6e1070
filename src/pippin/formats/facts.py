"""What can be known of a model without loading it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["language", "vision", "embedding", "gguf", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Of the files on this machine. What they do not say is ``None``."""

    kind: Kind
    architecture: str = ""
    """``model_type`` of the configuration, ``general.architecture`` of a GGUF file."""
    context_length: int | None = None
    """Tokens of prompt and answer together."""
    weights_bytes: int = 0
    """On disk."""
    parameters: int | None = None
    """Numbers that were trained: those of quantised weights are counted unpacked."""
    quantisation: str | None = None
    """``4 bits, groups of 64``, ``q8_0``; ``None``: not quantised."""
    dtype: str | None = None
    """Of most of the weights, as stored: ``bfloat16``."""
    chat_template: bool = False
    thinking: bool = False
    """Whether the chat template speaks of thinking. A hint: loading finds out."""
    tools: bool = False
    """Whether the chat template speaks of tools. A hint: loading finds out."""
