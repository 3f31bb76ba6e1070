"""A GGUF file → facts. One of several parts is known by its first part."""

import math
import os
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from pippin.formats.errors import BadModelFile
from pippin.formats.facts import ModelFacts
from pippin.formats.gguf import GGUFHeader, read_gguf

PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
PROJECTOR = "mmproj"
MAX_LISTED = 10_000
DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
TEMPLATE = "tokenizer.chat_template"


def facts_of_gguf(path: Path) -> ModelFacts:
    """What the head of a file says of the model in it.

    Raises:
        BadModelFile: the file, or one of its parts, is missing or not what it should be.
    """
    parts = [read_gguf(part) for part in gguf_parts(path)]
    first = parts[0]
    architecture = _text(first, "general.architecture")
    context = first.metadata.get(f"{architecture}.context_length")
    template = _text(first, TEMPLATE)
    kind = _most_common_type(parts)
    return ModelFacts(
        kind="gguf",
        architecture=architecture if architecture.isprintable() else "",
        context_length=context if type(context) is int and context > 0 else None,
        weights_bytes=sum(part.file_bytes for part in parts),
        parameters=sum(math.prod(one.shape) for part in parts for one in part.tensors),
        quantisation=None if kind is None or kind in DTYPES else kind.lower(),
        dtype=DTYPES.get(kind or ""),
        chat_template=bool(template),
        thinking="think" in template or "reasoning" in template,
        tools="tools" in template,
    )


def is_gguf_model(path: Path) -> bool:
    """Whether a file is a model by its name: not a later part of one, and not what vision models
    have beside their text model."""
    match = PART.search(path.name)
    begins = match is None or int(match[1]) == 1
    whole = path.suffix == ".gguf" and not path.name.startswith(PROJECTOR)
    return whole and begins and path.is_file()


def gguf_models(folder: Path) -> list[Path]:
    """The GGUF models of a folder, by name: of one in several parts, the first part.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as found:
        names = sorted(one.name for one in islice(found, MAX_LISTED))
    return [folder / name for name in names if is_gguf_model(folder / name)]


def gguf_parts(path: Path) -> list[Path]:
    """All files of a model, in order, of which this is the first.

    Raises:
        BadModelFile: it is a later part.
    """
    match = PART.search(path.name)
    if match is None:
        return [path]
    number, count = int(match[1]), int(match[2])
    if number != 1:
        raise BadModelFile(f"{path} is a part of a model; name its first part.")
    stem = path.name[: match.start()]
    return [path.with_name(f"{stem}-{part:05}-of-{count:05}.gguf") for part in range(1, count + 1)]


def _text(header: GGUFHeader, name: str) -> str:
    value = header.metadata.get(name)
    return value if isinstance(value, str) else ""


def _most_common_type(parts: list[GGUFHeader]) -> str | None:
    """That of most of the matrices' numbers; vectors are never quantised."""
    numbers: Counter[str] = Counter()
    for part in parts:
        for tensor in part.tensors:
            if len(tensor.shape) > 1:
                numbers[tensor.type] += math.prod(tensor.shape)
    return numbers.most_common(1)[0][0] if numbers else None
