"""What the gateway knows of a loaded model."""

from typing import Literal

import msgspec

from pippin.core.sampling import SamplingDefaults

ModelState = Literal[
    "unloaded", "loading", "ready", "unresponsive", "unloading", "failed", "degraded"
]
"""Of a model that a server knows. ``unresponsive``: its worker gives no sign of life, and will be
replaced if that goes on. ``unloading``: it ends its work and takes no more. ``failed``: it cannot
be loaded. ``degraded``: its workers die again and again; the next one is tried after a pause."""


Runtime = Literal["mlx", "llama.cpp"]
"""The library that computes a model."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Announced by a worker when its model is ready to serve."""

    architecture: str
    """``model_type`` of the model's configuration, e.g. ``qwen3``."""
    context_length: int
    """Tokens of prompt and answer together."""
    vocab_size: int
    """Width of the logits; every token id in a request is below it."""
    fingerprint: str
    """Short digest of weights, tokenizer and code version: OpenAI's ``system_fingerprint``."""
    defaults: SamplingDefaults = SamplingDefaults()
    chat: bool = True
    """Whether the model has a chat template."""
    template_kwargs: tuple[str, ...] = ()
    """Names that ``chat_template_kwargs`` may carry: those the template reads and we allow."""
    tool_parser: str = ""
    """The family whose way of writing calls its answers are read by; empty: none is known."""
    thinking: bool = False
    """Whether it can think before it answers, so that a thinking budget has a meaning."""
    device: str = ""
    """What it runs on, for people: ``cpu, OpenBLAS 0.3.21, float32``."""
    max_lanes: int = 64
    """Lanes that decode at once; further ones wait."""
    runtime: Runtime = "mlx"
    refused: tuple[str, ...] = ()
    """Parameters of requests that this runtime cannot honour, in the API's own names."""
    adapters: tuple[str, ...] = ()
    """LoRA adapters that a request may name."""
    default_adapter: str = ""
    """Of these, the one for requests that name none; empty: none."""
    memory_bytes: int = 0
    """What the worker will take at most: weights, and the budget of its caches."""
