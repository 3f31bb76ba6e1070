"""Models that MLX computes."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from pippin import demo
from pippin.core.model import ModelInfo
from pippin.core.worker import WorkerOptions
from pippin.engine.engine import Engine
from pippin.models.blas import BlasInfo
from pippin.models.converted import with_bits
from pippin.models.hardware import advice, describe, measured_gflops
from pippin.models.load import LoadedModel, load
from pippin.models.resolve import Progress, resolve
from pippin.output.manner import Manner
from pippin.prompt.template import ChatTemplate
from pippin.worker.engine_maker import make_engine
from pippin.worker.runtime import Load, Served
from pippin.worker.texts import known_language, template_of

log = logging.getLogger(__name__)

MIROSTAT = ("mirostat", "mirostat_mode", "mirostat_tau", "mirostat_eta")
"""Ways of sampling that only GGUF models have."""
DEMO = "demo"
"""The model that has an adapter without being told."""


def loader(blas: BlasInfo | None) -> Load:
    """``blas``: what was loaded for MLX, before it."""

    def served(options: WorkerOptions, progress: Progress, wake: Callable[[], None]) -> Served:
        folder = resolve(options.model, progress)
        if options.quantise:
            folder = with_bits(folder, options.quantise, Path(options.cache_dir), progress)
        loaded = load(
            folder,
            keep_dtype=options.keep_dtype,
            progress=progress,
            adapters=_adapters(options),
            default_adapter=options.default_adapter,
        )
        template = template_of(loaded.chat_template, loaded.special_tokens, options.chat_format)
        language = known_language(
            loaded.tokenizer,
            template,
            vocab_size=loaded.vocab_size,
            eos=loaded.eos,
            tool_parser=options.tool_parser,
        )
        device = _check_hardware(blas, loaded.dtype)
        engine, memory = make_engine(options, loaded, device, wake)
        info = _info(options, loaded, template, language.manner, engine=engine, device=device)
        return Served(engine, language, info, memory.text if memory else None, loaded.adapters)

    return served


def _adapters(options: WorkerOptions) -> Mapping[str, str]:
    """Name → folder: as the settings say, else the demo's own for the demo."""
    if options.model == DEMO and not options.adapters:
        return {demo.ADAPTER.name: str(demo.ADAPTER)}
    return options.adapters


def _check_hardware(blas: BlasInfo | None, dtype: str) -> str:
    gflops = measured_gflops()
    device = describe(blas, dtype)
    log.info("runs on %s (%.0f GFLOP/s in float32)", device, gflops)
    for hint in advice(blas, gflops):
        log.warning(hint)
    return device


def _info(
    options: WorkerOptions,
    loaded: LoadedModel,
    template: ChatTemplate | None,
    manner: Manner,
    *,
    engine: Engine,
    device: str,
) -> ModelInfo:
    most = loaded.context_length
    return ModelInfo(
        architecture=loaded.architecture,
        context_length=min(options.context_length or most, most),
        vocab_size=loaded.vocab_size,
        fingerprint=f"fp_{loaded.digest[:12]}",
        defaults=loaded.defaults.after(options.defaults),
        chat=template is not None,
        template_kwargs=tuple(sorted(template.kwargs)) if template else (),
        tool_parser=manner.family.name,
        thinking=manner.thinks,
        device=device,
        max_lanes=engine.max_lanes,
        refused=MIROSTAT,
        adapters=loaded.adapters.names,
        default_adapter=loaded.adapters.default_name,
        memory_bytes=loaded.weights_bytes + (engine.memory_bytes or 0),
    )
