"""What a worker is told at its start: everything about its one model."""

from typing import Literal

import msgspec

from pippin.core.sampling import SamplingDefaults

Bits = Literal[2, 3, 4, 6, 8]


class Quantisation(msgspec.Struct, frozen=True, kw_only=True):
    """How weights are to be stored: affine, in groups that share a scale and a bias."""

    bits: Bits
    group_size: int = 64


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written by the supervisor, read by the worker, as JSON on its command line. Holds no secret.

    Sizes are in bytes and times in seconds.
    """

    name: str = "model"
    """What clients call it; for the log."""
    model: str = "demo"
    """A demo model, a folder, a ``.gguf`` file, or ``org/name[@revision]`` on the hub."""
    log_level: str = "info"
    blas_threads: int = 1
    keep_dtype: bool = False
    quantise: Quantisation | None = None
    """Serve the weights so; ``None``: as they are stored."""
    adapters: dict[str, str] = {}
    """LoRA adapters that a request may name → the folder of each."""
    default_adapter: str = ""
    """Of these, the one for requests that name none; empty: none."""
    chat_format: str = ""
    """A known chat template instead of the model's own; empty: its own."""
    context_length: int = 0
    """Serve at most so many tokens of context; 0: as many as the model has."""
    defaults: SamplingDefaults = SamplingDefaults()
    """Sampling where a request says nothing, before what the model's files say."""
    tool_parser: str = ""
    """A family; empty: by the chat template."""
    prefill_budget: int = 0
    """Tokens per step; 0: by device."""
    max_lanes: int = 64
    max_concurrency: int = 0
    """0: as many as there are lanes."""
    queue_timeout_s: float = 300.0
    stall_timeout_s: float = 300.0
    memory: int = 0
    """Of all caches; 0: by machine."""
    kv_bits: int = 0
    """0: caches as they are computed."""
    cache_ram: int = -1
    """-1: a part of ``memory``."""
    cache_disk: int = 0
    cache_dir: str = ""
    """Pippin's cache folder: remembered prompts of all models, and converted weights."""
    cache_write_rate: int = 64 << 20
    cache_min_tokens: int = 32
    cache_slots: int = 0
    """0: as many as fit."""
