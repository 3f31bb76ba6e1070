"""The kinds of values that settings have."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ByteSize, Field, SecretStr
from pydantic_settings import NoDecode


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _number(value: object) -> object:
    """A flag and a variable are texts."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _named_folders(value: object) -> object:
    value = _split(value)
    if not isinstance(value, tuple | list):
        return value
    pairs = [str(one).partition("=") for one in value]
    if any(not name.strip() or not folder.strip() for name, _, folder in pairs):
        raise ValueError("write NAME=FOLDER")
    return {name.strip(): folder.strip() for name, _, folder in pairs}


MIB = 1024 * 1024
GIB = 1024 * MIB
MAX_SIZE = 2**50

LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
KVBits = Annotated[Literal[4, 8], BeforeValidator(_number)]
Quantize = Literal["fp16", "q2", "q3", "q4", "q6", "q8"]
GroupSize = Annotated[Literal[32, 64, 128], BeforeValidator(_number)]
UnknownModel = Literal["refuse", "load", "default"]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Folders = Annotated[dict[str, Path], NoDecode, BeforeValidator(_named_folders)]
"""By name; as texts they are ``NAME=FOLDER``."""
Texts = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Size = Annotated[ByteSize, Field(ge=0, le=MAX_SIZE)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
RepetitionPenalty = Annotated[float, Field(gt=0, le=10)]
TopK = Annotated[int, Field(ge=0, le=1_000_000)]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
