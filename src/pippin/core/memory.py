"""What the gateway may know of a model's memory of prompts."""

from typing import Literal

import msgspec

Tier = Literal["none", "ram", "disk"]
ReuseReason = Literal[
    "whole",
    "differs",
    "ends",
    "no_checkpoint",
    "unknown",
    "evicted",
    "short",
    "scored",
    "off",
]
"""Why no more was reused: all of it was (``whole``); the prompt differs from what is remembered;
what is remembered ends; the model can only go on from a checkpoint, and the last one lies before
the difference; nothing like it was ever seen; it was, and had to make room; the prompt is shorter
than the minimum; its own log-probabilities are wanted, so it is computed anew; nothing is
remembered at all."""


class TokenText(msgspec.Struct, frozen=True, array_like=True):
    token: int
    text: str


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    """What of one prompt did not have to be computed again."""

    tier: Tier
    """Where the last reused token came from."""
    matched_tokens: int
    """Reused tokens. A prompt's newest token is never one: it is the first step's input."""
    reason: ReuseReason
    position: int | None = None
    """Of the first token that differs from what is remembered, counted from 0."""
    asked: TokenText | None = None
    """What the prompt has there."""
    remembered: TokenText | None = None
    """What was remembered there."""


class MemoryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A model's memory of prompts, as of now. Sizes in bytes; counts since the worker started."""

    enabled: bool
    ram_bytes: int = 0
    ram_budget_bytes: int = 0
    ram_runs: int = 0
    """Remembered runs of tokens: a conversation is one or more."""
    ram_tokens: int = 0
    disk_enabled: bool = False
    disk_bytes: int = 0
    """Of this model's records."""
    disk_budget_bytes: int = 0
    """Of all models' records in the folder."""
    disk_records: int = 0
    disk_problem: str | None = None
    """Why nothing is written now, if so. Names no path."""
    prompts: int = 0
    hits: int = 0
    """Prompts of which something was reused."""
    disk_hits: int = 0
    """Of these, those that needed the disk."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    evicted_runs: int = 0
    written_bytes: int = 0
    dropped_writes: int = 0
    """Runs that were not written: over the write rate, or the disk refused them."""
    bad_records: int = 0
    """Records that were found damaged, and removed."""
