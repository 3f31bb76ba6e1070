"""How many bytes a model will take, before it is loaded."""

import sys

import psutil

from pippin.fleet.catalogue import Entry
from pippin.settings import MIB, Settings

PROCESS_BYTES = 400 * MIB
"""Of a worker without its model: Python, MLX, a BLAS, the libraries of text. Measured on Linux."""
LEAST_FOR_CACHES = 512 * MIB
LIMIT_SHARE = 0.75
"""Of the machine's memory, for all workers: the rest is for the system and other programs."""
FLOAT32_BYTES = 4
PACKED = {"q2": 2, "q3": 3, "q4": 4, "q6": 6, "q8": 8}
SCALES_BITS = 0.5
"""Per weight, of a group of 64 that shares a scale and a bias of 16 bits each."""


def memory_limit(settings: Settings) -> int:
    """Of all workers together."""
    return int(settings.memory_limit) or int(psutil.virtual_memory().total * LIMIT_SHARE)


def weights_bytes(entry: Entry) -> int:
    """In memory; 0 if nothing is known of the model yet."""
    facts, settings = entry.facts, entry.settings
    if facts is None:
        return 0
    if facts.kind == "gguf" or facts.parameters is None:
        return facts.weights_bytes
    if sys.platform == "linux" and not settings.keep_dtype:
        return facts.parameters * FLOAT32_BYTES  # so that its products reach a BLAS
    if bits := PACKED.get(settings.quantize or ""):
        return int(facts.parameters * (bits + SCALES_BITS) / 8)
    return facts.weights_bytes


def cache_bytes(entry: Entry, entries: tuple[Entry, ...], limit: int) -> int:
    """The budget of a model's caches: as its settings say; else what the limit leaves beside the
    weights of all configured models, in equal shares, and one share more for a model that
    somebody may ask for. A model that is too large for its share has less, so that it fits when
    it is alone."""
    if entry.settings.memory:
        return int(entry.settings.memory)
    fixed = [one for one in entries if one.source == "configured"]
    left = limit - sum(PROCESS_BYTES + weights_bytes(one) for one in fixed)
    alone = limit - PROCESS_BYTES - weights_bytes(entry)
    return max(LEAST_FOR_CACHES, min(left // (len(fixed) + 1), alone))


def predicted_bytes(entry: Entry, caches: int) -> int:
    """Of the model's worker, when its caches are full."""
    return PROCESS_BYTES + weights_bytes(entry) + caches
