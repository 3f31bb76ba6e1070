"""A loaded model and the worker's options → an engine with its memory of prompts."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from pippin.core.worker import WorkerOptions
from pippin.engine.costs import lane_cost
from pippin.engine.engine import Engine
from pippin.engine.forward import Forward
from pippin.engine.host_model import for_device
from pippin.engine.probe import probe, probe_adapters
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.disk import DiskTier
from pippin.memory.prompts import PromptMemory
from pippin.models.hardware import memory_for_caches
from pippin.models.load import LoadedModel

log = logging.getLogger(__name__)

FORMAT = b"3"
"""Of what is remembered: raised whenever a snapshot or what a model computes changes meaning."""


def make_engine(
    options: WorkerOptions, loaded: LoadedModel, device: str, wake: Callable[[], None]
) -> tuple[Engine, PromptMemory | None]:
    """On the engine thread. ``wake``: may be called from any thread when the engine has work.

    Raises:
        CannotLoad: the model does not work with its caches, with quantised ones, or with its
            adapters.
    """
    make = CacheMaker(loaded.model, options.kv_bits or None)
    sharing = probe(for_device(loaded.model), make, loaded.vocab_size)
    forward = Forward(loaded.model, loaded.adapters.rows)
    probe_adapters(forward, loaded.adapters.names, loaded.vocab_size)
    cost = lane_cost(loaded.model, make)
    memory_bytes = options.memory or memory_for_caches(loaded.weights_bytes)
    layout = ",".join(type(layer).__name__ for layer in make())
    parts = (loaded.digest, device, layout, str(options.kv_bits))
    fingerprint = hashlib.sha256(FORMAT + "\0".join(parts).encode()).digest()
    memory = None
    if sharing.remembered:
        memory = _memory(options, fingerprint, cannot_be_cut(make), memory_bytes, wake)
    engine = Engine(
        loaded.model,
        vocab_size=loaded.vocab_size,
        prefill_budget=options.prefill_budget or None,
        max_lanes=options.max_lanes,
        max_jobs=options.max_concurrency or None,
        queue_timeout_s=options.queue_timeout_s,
        forward_cost=loaded.weights_bytes // max(1, cost.per_token),
        sharing=sharing,
        kv_bits=options.kv_bits or None,
        adapters=loaded.adapters.rows,
        memory=memory,
        memory_bytes=memory_bytes,
        lane_cost=cost,
    )
    return engine, memory


def _memory(
    options: WorkerOptions,
    fingerprint: bytes,
    needs_state: bool,
    memory_bytes: int,
    wake: Callable[[], None],
) -> PromptMemory | None:
    ram_bytes = memory_bytes // 2 if options.cache_ram < 0 else options.cache_ram
    if not ram_bytes:
        return None
    disk = None
    if options.cache_disk and options.cache_dir:
        disk = DiskTier(
            Path(options.cache_dir),
            fingerprint=fingerprint,
            needs_state=needs_state,
            budget_bytes=options.cache_disk,
            write_bytes_per_s=options.cache_write_rate,
        )
        disk.start()
    return PromptMemory(
        fingerprint=fingerprint,
        needs_state=needs_state,
        ram_bytes=min(ram_bytes, memory_bytes),
        slots=options.cache_slots or None,
        min_tokens=options.cache_min_tokens,
        disk=disk,
        on_fetched=wake,
    )
