"""A model's folder → a model that can be called, and what others must know of it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.utils import dequantize_model
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from pippin.core.sampling import SamplingDefaults
from pippin.models.adapters import Adapters, put_on
from pippin.models.digest import digest_of
from pippin.models.errors import CannotLoad
from pippin.models.hardware import on_cpu
from pippin.models.resolve import Progress
from pippin.models.weights import compute_all, open_model, parameters_of

log = logging.getLogger(__name__)

FALLBACK_CONTEXT = 4096
VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
"""Without one of these transformers makes a tokenizer that knows no words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """Owned by the worker. ``model`` is for the engine thread only."""

    model: Any
    tokenizer: Tokenizer
    chat_template: str | None
    special_tokens: dict[str, str]
    architecture: str
    context_length: int
    vocab_size: int
    """Width of the logits, which may be more than the tokenizer knows."""
    eos: frozenset[int]
    defaults: SamplingDefaults
    weights_bytes: int
    digest: str
    """Of everything that decides what the model says, in hexadecimal."""
    dtype: str
    adapters: Adapters


def load(
    folder: Path,
    *,
    keep_dtype: bool,
    progress: Progress,
    adapters: Mapping[str, str] | None = None,
    default_adapter: str = "",
) -> LoadedModel:
    """Load weights and tokenizer; one forward pass proves that they work. ``adapters``: name →
    folder; ``default_adapter``: one of them, or none.

    Unless told to keep the weights as they are stored, a model that will run on the CPU is
    dequantised and served in float32: nothing else reaches BLAS there.

    Raises:
        CannotLoad: the folder is no model that can be served here, or an adapter is none of it,
            and why.
    """
    progress("reading", 0, 0)
    if on_cpu():
        # MLX would compile kernels with g++ into a temporary folder that others may write to.
        # It costs a second or more at every first start, and is not faster afterwards.
        mx.disable_compile()
    config = _read_json(folder / "config.json", required=True)
    generation = _read_json(folder / "generation_config.json")
    tokenizer, template, special_tokens, tokenizer_eos = _load_tokenizer(folder)
    model = _load_weights(folder, keep_dtype=keep_dtype, progress=progress)
    vocab_size = _logits_width(model)
    weights_bytes, dtype = sum(array.nbytes for array in parameters_of(model)), _dtype(model)
    worn = put_on(model, adapters or {}, default_adapter)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        chat_template=template,
        special_tokens=special_tokens,
        architecture=str(config.get("model_type", "unknown")),
        context_length=_context_length(config),
        vocab_size=vocab_size,
        eos=_eos(config, generation, tokenizer_eos, vocab_size),
        defaults=_defaults(generation),
        weights_bytes=weights_bytes + worn.nbytes,
        digest=digest_of(folder),
        dtype=dtype,
        adapters=worn,
    )


def _load_weights(folder: Path, *, keep_dtype: bool, progress: Progress) -> Any:
    model, _ = open_model(folder)
    try:
        if not keep_dtype and on_cpu():
            model = dequantize_model(model)
            model.set_dtype(mx.float32)
        compute_all(model, "loading", progress)
    except Exception as error:  # what a file promised and does not hold is found out here
        raise CannotLoad(f"The model in {folder} cannot be loaded: {error}") from error
    model.eval()
    return model


def _load_tokenizer(folder: Path) -> tuple[Tokenizer, str | None, dict[str, str], set[int]]:
    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise CannotLoad(f"{folder} has no tokenizer ({', '.join(VOCABULARIES)}).")
    try:
        wrapped = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # a foreign file in a foreign format: anything may come
        raise CannotLoad(f"The tokenizer in {folder} cannot be loaded: {error}") from error
    backend = getattr(wrapped, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise CannotLoad(
            f"The tokenizer in {folder} has no fast form (tokenizer.json), and code that comes "
            "with a model is never run. Convert it first."
        )
    # Some fine-tunes carry what their training cut and padded to.
    backend.no_truncation()
    backend.no_padding()
    template = wrapped.chat_template
    if isinstance(template, Mapping):
        template = template.get("default") or next(iter(template.values()), None)
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    special = {name: str(value) for name in names if (value := getattr(wrapped, name, None))}
    eos = {wrapped.eos_token_id} if isinstance(wrapped.eos_token_id, int) else set()
    return backend, template, special, eos


def _read_json(path: Path, *, required: bool = False) -> dict[str, Any]:
    if not path.is_file():
        if required:
            raise CannotLoad(f"{path.parent} is no model folder: it has no {path.name}.")
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CannotLoad(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise CannotLoad(f"{path} does not hold a JSON object.")
    return content


def _context_length(config: Mapping[str, Any]) -> int:
    inner = config.get("text_config") or {}
    for source in (config, inner):
        for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx"):
            if isinstance(source.get(name), int) and source[name] > 0:
                return int(source[name])
    return FALLBACK_CONTEXT


def _logits_width(model: Any) -> int:
    """The model's own answer, from a first forward pass: also the proof that it runs."""
    logits = model(mx.array([[0]]))
    if not mx.all(mx.isfinite(logits)).item():
        raise CannotLoad("The model's weights give no finite numbers (NaN or infinity).")
    return int(logits.shape[-1])


def _eos(
    config: Mapping[str, Any], generation: Mapping[str, Any], own: set[int], vocab_size: int
) -> frozenset[int]:
    """Every token that is said to end a text. What is no token of this model is left out."""
    said: list[Any] = list(own)
    for source in (config, config.get("text_config") or {}, generation):
        value = source.get("eos_token_id")
        said += value if isinstance(value, list) else [value]
    ids = frozenset(i for i in said if type(i) is int and 0 <= i < vocab_size)
    wrong = [i for i in said if i is not None and not (type(i) is int and i in ids)]
    if wrong:
        log.warning("eos_token_id names what is no token of this model: %s", wrong)
    return ids


def _defaults(generation: Mapping[str, Any]) -> SamplingDefaults:
    def number(name: str) -> float | None:
        value = generation.get(name)
        return float(value) if isinstance(value, int | float) else None

    top_k = number("top_k")
    return SamplingDefaults(
        temperature=0.0 if generation.get("do_sample") is False else number("temperature"),
        top_k=None if top_k is None else int(top_k),
        top_p=number("top_p"),
        min_p=number("min_p"),
        typical_p=number("typical_p"),
        repetition_penalty=number("repetition_penalty"),
    )


def _dtype(model: Any) -> str:
    kinds = {str(array.dtype).removeprefix("mlx.core.") for array in parameters_of(model)}
    return "quantised" if "uint32" in kinds else "/".join(sorted(kinds))
