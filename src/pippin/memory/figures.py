"""What the tiers count, for the operator's eyes."""

from dataclasses import dataclass
from typing import TypedDict


@dataclass(slots=True)
class Counters:
    """Of prompts and their tokens, since the start; as in ``MemoryFigures``."""

    prompts: int = 0
    hits: int = 0
    disk_hits: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0


class DiskFigures(TypedDict):
    """Sizes in bytes; counts since the start. ``disk_problem``: why nothing is written now."""

    disk_bytes: int
    disk_budget_bytes: int
    disk_records: int
    disk_problem: str | None
    written_bytes: int
    dropped_writes: int
    bad_records: int
