"""The kinds of values that settings have."""

from typing import Annotated, Literal

from pydantic import ByteSize, Field, SecretStr
from pydantic_settings import NoDecode

MIB = 1024 * 1024
GIB = 1024 * MIB
MAX_SIZE = 2**50

LogLevel = Literal["debug", "info", "warning", "error"]
KVBits = Literal[4, 8]
Quantize = Literal["fp16", "q2", "q3", "q4", "q6", "q8"]
GroupSize = Literal[32, 64, 128]
UnknownModel = Literal["refuse", "load", "default"]
Texts = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Size = Annotated[ByteSize, Field(ge=0, le=MAX_SIZE)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
RepetitionPenalty = Annotated[float, Field(gt=0, le=10)]
TopK = Annotated[int, Field(ge=0, le=1_000_000)]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
