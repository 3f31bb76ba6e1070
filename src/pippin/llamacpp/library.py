"""llama.cpp's C interface, in the shared library that ``xllamacpp`` installs.

Of that package only the library is used: llama.cpp computes tokens' logits, and everything else
(sampling, forms, templates, words) is done by what MLX models use, so that all models act alike.
The structures below are those of ``llama.h`` at one release. They change from one to the next, so
``library`` refuses any other release, and compares the library's own defaults with the known ones.
"""

import ctypes
import importlib.metadata
import importlib.util
import logging
import os
from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_float,
    c_int,
    c_int8,
    c_int32,
    c_size_t,
    c_uint32,
    c_void_p,
)
from functools import partial
from typing import Any, ClassVar

from pippin.models.errors import CannotLoad

log = logging.getLogger(__name__)

PACKAGE = "xllamacpp"
RELEASE = "2026.10.11549"
"""The only one whose structures are known here; the extra ``gguf`` installs it."""

Progress = ctypes.CFUNCTYPE(c_bool, c_float, c_void_p)
LogLine = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)

LOG_LEVELS = {4: logging.ERROR}
"""ggml's → ours. What it calls warnings and information is for who debugs it."""
CONTINUED = 5


class ModelParams(Structure):
    """``llama_model_params``."""

    _fields_: ClassVar = [
        ("devices", c_void_p),
        ("tensor_buft_overrides", c_void_p),
        ("n_gpu_layers", c_int32),
        ("split_mode", c_int),
        ("load_mode", c_int),
        ("lazy_mode", c_int),
        ("main_gpu", c_int32),
        ("tensor_split", c_void_p),
        ("progress_callback", Progress),
        ("progress_callback_user_data", c_void_p),
        ("kv_overrides", c_void_p),
        ("vocab_only", c_bool),
        ("check_tensors", c_bool),
        ("use_extra_bufts", c_bool),
        ("no_host", c_bool),
        ("no_alloc", c_bool),
        ("load_mtp", c_bool),
    ]


class ContextParams(Structure):
    """``llama_context_params``."""

    _fields_: ClassVar = [
        ("n_ctx", c_uint32),
        ("n_batch", c_uint32),
        ("n_ubatch", c_uint32),
        ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32),
        ("n_outputs_max", c_uint32),
        ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32),
        ("n_threads_batch", c_int32),
        ("ctx_type", c_int),
        ("rope_scaling_type", c_int),
        ("pooling_type", c_int),
        ("attention_type", c_int),
        ("flash_attn_type", c_int),
        ("rope_freq_base", c_float),
        ("rope_freq_scale", c_float),
        ("yarn_ext_factor", c_float),
        ("yarn_attn_factor", c_float),
        ("yarn_beta_fast", c_float),
        ("yarn_beta_slow", c_float),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p),
        ("type_k", c_int),
        ("type_v", c_int),
        ("moe_cache_size", c_size_t),
        ("abort_callback", c_void_p),
        ("abort_callback_data", c_void_p),
        ("embeddings", c_bool),
        ("offload_kqv", c_bool),
        ("no_perf", c_bool),
        ("op_offload", c_bool),
        ("swa_full", c_bool),
        ("kv_unified", c_bool),
        ("samplers", c_void_p),
        ("n_samplers", c_size_t),
        ("ctx_other", c_void_p),
    ]


class Batch(Structure):
    """``llama_batch``."""

    _fields_: ClassVar = [
        ("n_tokens", c_int32),
        ("token", POINTER(c_int32)),
        ("embd", c_void_p),
        ("pos", POINTER(c_int32)),
        ("n_seq_id", POINTER(c_int32)),
        ("seq_id", c_void_p),
        ("logits", POINTER(c_int8)),
    ]


_MODEL_DEFAULTS: dict[str, object] = {
    "n_gpu_layers": -1,
    "split_mode": 1,
    "load_mode": -1,
    "lazy_mode": 1,
    "vocab_only": False,
    "use_extra_bufts": True,
    "load_mtp": False,
}
_CONTEXT_DEFAULTS: dict[str, object] = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "n_outputs_max_per_seq": 1,
    "rope_scaling_type": -1,
    "flash_attn_type": -1,
    "yarn_ext_factor": -1.0,
    "defrag_thold": -1.0,
    "type_k": 1,
    "type_v": 1,
    "embeddings": False,
    "offload_kqv": True,
    "no_perf": True,
    "op_offload": True,
    "swa_full": True,
    "kv_unified": False,
    "n_samplers": 0,
}
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (LogLine, c_void_p)),
    "llama_supports_gpu_offload": (c_bool, ()),
    "llama_model_default_params": (ModelParams, ()),
    "llama_context_default_params": (ContextParams, ()),
    "llama_model_load_from_splits": (c_void_p, (POINTER(c_char_p), c_size_t, ModelParams)),
    "llama_model_free": (None, (c_void_p,)),
    "llama_model_get_vocab": (c_void_p, (c_void_p,)),
    "llama_model_n_ctx_train": (c_int32, (c_void_p,)),
    "llama_model_has_encoder": (c_bool, (c_void_p,)),
    "llama_model_has_decoder": (c_bool, (c_void_p,)),
    "llama_model_size": (ctypes.c_uint64, (c_void_p,)),
    "llama_vocab_n_tokens": (c_int32, (c_void_p,)),
    "llama_vocab_is_eog": (c_bool, (c_void_p, c_int32)),
    "llama_tokenize": (
        c_int32,
        (c_void_p, c_char_p, c_int32, POINTER(c_int32), c_int32, c_bool, c_bool),
    ),
    "llama_init_from_model": (c_void_p, (c_void_p, ContextParams)),
    "llama_free": (None, (c_void_p,)),
    "llama_n_ctx": (c_uint32, (c_void_p,)),
    "llama_n_seq_max": (c_uint32, (c_void_p,)),
    "llama_n_batch": (c_uint32, (c_void_p,)),
    "llama_get_memory": (c_void_p, (c_void_p,)),
    "llama_memory_clear": (None, (c_void_p, c_bool)),
    "llama_memory_seq_rm": (c_bool, (c_void_p, c_int32, c_int32, c_int32)),
    "llama_memory_seq_cp": (None, (c_void_p, c_int32, c_int32, c_int32, c_int32)),
    "llama_memory_seq_pos_min": (c_int32, (c_void_p, c_int32)),
    "llama_memory_seq_pos_max": (c_int32, (c_void_p, c_int32)),
    "llama_decode": (c_int32, (c_void_p, Batch)),
    "llama_get_logits": (POINTER(c_float), (c_void_p,)),
}


def library() -> Any:
    """The loaded library, its functions by their names in C.

    Raises:
        CannotLoad: it is not installed, or another release is.
    """
    spec = importlib.util.find_spec(f"{PACKAGE}.{PACKAGE}")
    if spec is None or spec.origin is None:
        raise CannotLoad(
            "GGUF models need llama.cpp, which is not installed: pip install 'pippin[gguf]'."
        )
    found = importlib.metadata.version(PACKAGE)
    if found != RELEASE:
        raise CannotLoad(
            f"{PACKAGE} {found} is installed, and GGUF models need {RELEASE}: "
            "pip install 'pippin[gguf]'."
        )
    # A debugger that it starts when it aborts would hide its last words behind its own.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    native = ctypes.CDLL(spec.origin)
    try:
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(native, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise CannotLoad(f"{PACKAGE} {found} has no C interface on this system.") from error
    _check(native.llama_model_default_params(), _MODEL_DEFAULTS)
    _check(native.llama_context_default_params(), _CONTEXT_DEFAULTS)
    return native


def _check(params: Structure, known: dict[str, object]) -> None:
    """See that the library's structures lie in memory as ours do."""
    for name, value in known.items():
        if getattr(params, name) != value:
            raise CannotLoad(f"{PACKAGE} {RELEASE} is not the build that is known ({name}).")


class Log:
    """llama.cpp's lines, in our log. To be kept for as long as the library is used."""

    def __init__(self, native: Any) -> None:
        self._level = logging.DEBUG
        self._native = native
        self._line = LogLine(partial(self._take))
        native.llama_log_set(self._line, None)

    def close(self) -> None:
        """From now on the library writes to standard error, as without a log."""
        self._native.llama_log_set(LogLine(), None)

    def _take(self, level: int, text: bytes | None, _: object) -> None:
        if level != CONTINUED:
            self._level = LOG_LEVELS.get(level, logging.DEBUG)
        if line := (text or b"").decode(errors="replace").strip():
            log.log(self._level, "llama.cpp: %s", line)
