"""GGUF models, which llama.cpp computes."""

import hashlib
import logging
from collections.abc import Callable

from pippin.core.model import ModelInfo
from pippin.core.worker import WorkerOptions
from pippin.llamacpp.engine import LlamaEngine
from pippin.llamacpp.load import LoadedGGUF, load, threads
from pippin.llamacpp.native import Cache
from pippin.llamacpp.rows import Limits, Rows
from pippin.models.errors import CannotLoad
from pippin.models.gguf_files import resolve_gguf
from pippin.models.machine import physical_bytes
from pippin.models.resolve import Progress
from pippin.worker.runtime import Served
from pippin.worker.texts import known_language, template_of

log = logging.getLogger(__name__)

LEAST_FOR_CACHES = 512 << 20
ROOM = 32_768
"""Tokens of all conversations together, if the context is shorter and nothing else is said."""
CPU_STEP, GPU_STEP = 128, 512
"""Prompt tokens a step."""
RUSH = 4
"""Times as many, at most, while several prompts wait."""
CPU_LANES, GPU_LANES = 16, 32
"""At most: each token looks at the cells of all lanes, so that more of them are slower together."""
SPARE = 64
"""Sequences beside those of lanes: of prompts on their way, and of what is remembered."""


def served(options: WorkerOptions, progress: Progress, wake: Callable[[], None]) -> Served:
    """As ``runtime.Load``. llama.cpp needs no waking: nothing is read from a disk."""
    _refuse(options)
    loaded = load(resolve_gguf(options.model, progress), progress)
    source, special = loaded.chat_template, loaded.special_tokens
    template = template_of(source, special, options.chat_format)
    language = known_language(
        loaded.tokenizer,
        template,
        vocab_size=loaded.weights.vocab_size,
        eos=loaded.eos,
        tool_parser=options.tool_parser,
    )
    engine, rows = _engine(options, loaded)
    place = "gpu" if loaded.weights.on_gpu else "cpu"
    count = threads(options.blas_threads)
    device = f"{place}, llama.cpp, {count} thread{'s' * (count != 1)}, {loaded.stored}"
    log.info("runs on %s", device)
    most = min(options.context_length or loaded.context_length, loaded.context_length)
    info = ModelInfo(
        architecture=loaded.architecture,
        context_length=min(most, engine.fits(1)),
        vocab_size=loaded.weights.vocab_size,
        fingerprint=f"fp_{loaded.digest[:12]}",
        defaults=loaded.defaults.after(options.defaults),
        chat=template is not None,
        template_kwargs=tuple(sorted(template.kwargs)) if template else (),
        tool_parser=language.manner.family.name,
        thinking=language.manner.thinks,
        device=device,
        max_lanes=engine.max_lanes,
        runtime="llama.cpp",
        memory_bytes=loaded.weights.bytes + engine.cells * loaded.token_bytes(options.kv_bits),
    )
    return Served(engine, language, info, rows.text)


def _refuse(options: WorkerOptions) -> None:
    """What GGUF models cannot be served with.

    Raises:
        CannotLoad: an option asks for it.
    """
    if options.quantise:
        raise CannotLoad(
            "--quantize is for models in MLX's format. Of a GGUF model take a file with fewer bits."
        )
    if options.adapters or options.default_adapter:
        raise CannotLoad("--adapter is for models in MLX's format, not for GGUF models.")
    if options.kv_bits not in (0, 4, 8):
        raise CannotLoad("--kv-bits of a GGUF model may be 8 or 4.")


def _engine(options: WorkerOptions, loaded: LoadedGGUF) -> tuple[LlamaEngine, Rows]:
    token_bytes = loaded.token_bytes(options.kv_bits)
    lanes = min(options.max_lanes, GPU_LANES if loaded.weights.on_gpu else CPU_LANES)
    context = min(options.context_length or loaded.context_length, loaded.context_length)
    spared = max(LEAST_FOR_CACHES, physical_bytes() // 2 - loaded.weights.bytes)
    tokens = min((options.memory or spared) // token_bytes, max(context, ROOM))
    step = options.prefill_budget or (GPU_STEP if loaded.weights.on_gpu else CPU_STEP)
    cache = Cache(
        loaded.weights,
        cells=tokens + lanes,  # the newest tokens of all lanes beside what they may have
        sequences=lanes + SPARE,
        batch=RUSH * step + lanes,
        threads=threads(options.blas_threads),
        bits=options.kv_bits,
    )
    remembered = min(tokens // 2, context)
    if options.cache_ram >= 0:
        remembered = min(tokens // 2, options.cache_ram // token_bytes)
    text = (loaded.digest, str(options.kv_bits), str(options.chat_format))
    rows = Rows(
        cache,
        fingerprint=hashlib.sha256("\0".join(text).encode()).digest(),
        limits=Limits(
            tokens=remembered,
            sequences=options.cache_slots or SPARE // 2,
            least=options.cache_min_tokens,
        ),
        token_bytes=token_bytes,
    )
    engine = LlamaEngine(
        cache,
        rows,
        vocab_size=loaded.weights.vocab_size,
        step_tokens=step,
        max_lanes=lanes,
        max_jobs=options.max_concurrency or None,
        queue_timeout_s=options.queue_timeout_s,
    )
    return engine, rows
