"""What a server tells of a model and of its worker."""

import msgspec

from pippin.core.model import ModelState


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one worker, as of now."""

    pid: int
    resident_bytes: int
    """As ``ps`` tells it (RSS)."""
    cpu_seconds: float
    """Of all its threads, since its start."""
    threads: int
    decoding: int = 0
    """Answers that are being generated."""
    prefilling: int = 0
    waiting: int = 0
    """Requests that wait for their turn."""


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """One model, loaded or not. ``null`` where nothing is known before it is loaded."""

    id: str
    object: str = "model"
    created: int
    """Unix seconds."""
    owned_by: str = "pippin"
    loaded: bool
    """Whether it can answer now."""
    state: ModelState
    aliases: tuple[str, ...] = ()
    source: str = "configured"
    """Who named it: the ``configured`` ones, a ``folder``, the ``hub``'s cache, or a ``demo``."""
    kind: str | None = None
    """``language``, ``vision``, ``embedding``, ``gguf`` or ``unknown``."""
    architecture: str | None = None
    context_length: int | None = None
    parameters: int | None = None
    quantisation: str | None = None
    weights_bytes: int | None = None
    """On disk."""
    memory_bytes: int
    """What its worker takes with full caches, as far as is known."""
    fits: bool
    """Whether it can be loaded at all, beside what is pinned."""
    pinned: bool = False
    on_start: bool = False
    ttl_seconds: float = 0.0
    """It is unloaded when it has been idle for so long; 0: never."""
    adapters: tuple[str, ...] = ()
    worker: WorkerFigures | None = None
