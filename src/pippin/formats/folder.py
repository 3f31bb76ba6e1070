"""A model's folder → facts. Nothing of the folder is run, and every read is bounded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pippin.formats.errors import BadModelFile
from pippin.formats.facts import Kind, ModelFacts
from pippin.formats.gguf_facts import facts_of_gguf, gguf_models
from pippin.formats.reading import MAX_JSON_BYTES, read_bytes, read_object
from pippin.formats.safetensors import Tensor, read_header

WEIGHTS = "model*.safetensors"
INDEX = "model.safetensors.index.json"
CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")
DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
PACKED = "U32"
"""The type in which MLX packs quantised weights."""
DEFAULT_GROUP = 64
SENTENCES = ("modules.json", "config_sentence_transformers.json")
"""Files that only models of embeddings have."""
GENERATING = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
ENCODERS = ("bert", "roberta", "xlm-roberta", "modernbert", "nomic_bert", "distilbert", "mpnet")


def is_model_folder(folder: Path) -> bool:
    """Whether a folder looks like a model's: a quick look, that does not read anything."""
    try:
        return (folder / "config.json").is_file() and any(folder.glob(WEIGHTS))
    except OSError:
        return False


def facts_of(path: Path) -> ModelFacts:
    """What the files of a model's folder, or a ``.gguf`` file, say of the model.

    Raises:
        BadModelFile: it is no model, a file is missing, or a file is not what it should be.
    """
    try:
        if path.suffix == ".gguf":
            return facts_of_gguf(path)
        files = [] if (path / "config.json").exists() or not path.is_dir() else gguf_models(path)
        return facts_of_gguf(files[0]) if len(files) == 1 else _of_folder(path)
    except OSError as error:  # it vanished while it was looked at, or may not be looked at
        raise BadModelFile(f"{path} cannot be read: {error.strerror}.") from error


def _of_folder(folder: Path) -> ModelFacts:
    config = read_object(folder / "config.json")
    weights = _weights(folder, config)
    template = _template(folder)
    return ModelFacts(
        kind=_kind(folder, config),
        architecture=_text(config.get("model_type")),
        context_length=context_length(config),
        weights_bytes=weights.size,
        parameters=weights.parameters,
        quantisation=_quantisation(config, weights),
        dtype=weights.dtype,
        chat_template=template is not None,
        thinking=template is not None and ("think" in template or "reasoning" in template),
        tools=template is not None and "tools" in template,
    )


def context_length(config: Mapping[str, Any]) -> int | None:
    """The longest context by a configuration, its own or that of its text model."""
    for source in (config, _object(config.get("text_config"))):
        for name in CONTEXT_NAMES:
            value = source.get(name)
            if type(value) is int and value > 0:
                return value
    return None


@dataclass
class _Weights:
    """What the headers of all files of weights say together."""

    size: int = 0
    parameters: int = 0
    numbers: Counter[str] = field(default_factory=Counter)
    """How many numbers of each type are stored."""

    @property
    def dtype(self) -> str | None:
        plain = [(count, kind) for kind, count in self.numbers.items() if kind in DTYPES]
        return DTYPES[max(plain)[1]] if plain else None


def _weights(folder: Path, config: Mapping[str, Any]) -> _Weights:
    files = sorted(folder.glob(WEIGHTS))
    if not files:
        raise BadModelFile(f"{folder} has no weights ({WEIGHTS}).")
    _check_complete(folder, {path.name for path in files})
    weights = _Weights()
    for path in files:
        tensors = read_header(path).tensors
        weights.size += path.stat().st_size
        weights.parameters += _parameters(tensors, config)
        for tensor in tensors.values():
            weights.numbers[tensor.dtype] += tensor.count
    return weights


def _check_complete(folder: Path, there: set[str]) -> None:
    """Every file that the index names must be there: downloads stop half-way."""
    if not (folder / INDEX).is_file():
        return
    placed = _object(read_object(folder / INDEX, 10 * MAX_JSON_BYTES).get("weight_map"))
    missing = sorted({str(name) for name in placed.values()} - there)
    if missing:
        raise BadModelFile(f"{folder} is not complete: {missing[0]} is missing.")


def _parameters(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> int:
    """How many numbers were trained. Packed weights have a scale for each group of them."""
    total = 0
    for name, tensor in tensors.items():
        stem, _, last = name.rpartition(".")
        packed = tensors.get(f"{stem}.weight")
        if packed is None or packed.dtype != PACKED:
            total += tensor.count
        elif last == "scales":
            total += tensor.count * _group_size(config, stem)
        elif last not in ("weight", "biases"):
            total += tensor.count
    return total


def _group_size(config: Mapping[str, Any], layer: str) -> int:
    """Weights per scale: a layer may have its own."""
    common = _object(config.get("quantization"))
    for source in (_object(common.get(layer)), common):
        size = source.get("group_size")
        if type(size) is int and size > 0:
            return size
    return DEFAULT_GROUP


def _quantisation(config: Mapping[str, Any], weights: _Weights) -> str | None:
    common = _object(config.get("quantization") or config.get("quantization_config"))
    bits, group = common.get("bits"), common.get("group_size")
    if type(bits) is int and type(group) is int:
        return f"{bits} bits, groups of {group}"
    method = common.get("quant_method") or common.get("mode")
    if isinstance(method, str) and method:
        return method[:40]
    return "packed" if weights.numbers[PACKED] else None


def _kind(folder: Path, config: Mapping[str, Any]) -> Kind:
    names = config.get("architectures")
    architecture = _text(names[0]) if isinstance(names, list) and names else ""
    model_type = _text(config.get("model_type"))
    if any((folder / name).is_file() for name in SENTENCES):
        return "embedding"
    if "vision_config" in config or "VL" in architecture or model_type.endswith("_vl"):
        return "vision"
    if architecture.endswith(GENERATING) and "audio" not in model_type and model_type != "whisper":
        return "language"
    if model_type in ENCODERS or architecture.endswith(("EmbeddingModel", "ForMaskedLM")):
        return "embedding"
    return "language" if model_type and not architecture else "unknown"


def _template(folder: Path) -> str | None:
    """The chat template's text, wherever it lies."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return read_bytes(path).decode("utf-8", "replace")
    for name in ("chat_template.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = read_object(folder / name).get("chat_template")
            if isinstance(found, str | list) and found:
                return str(found)
    return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A name, fit to be shown."""
    return value[:100] if isinstance(value, str) and value.isprintable() else ""
