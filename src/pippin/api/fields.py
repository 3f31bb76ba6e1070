"""The types of request fields that several routes share, with their ranges.

The ranges are declared here once: validation, its messages, the OpenAPI document and
``/v1/capabilities`` are all made from them.
"""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from pippin.api.validation import TAG_PREFIX, Body
from pippin.core.sampling import MAX_STOP_CHARS, MAX_STOPS, MAX_TOP_LOGPROBS

MAX_TOKENS = 2**31 - 1
MAX_CHOICES = 32
MAX_LOGIT_BIASES = 1024
MAX_LABEL_CHARS = 512
MAX_METADATA_PAIRS = 16
MAX_TOKEN_IDS = 1_000_000
"""Above any context's length: what is longer is refused before it is looked at."""


def at_most(limit: int) -> BeforeValidator:
    """Bounds a list or an object before its items are looked at: a huge one costs nothing."""

    def check(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > limit:
            raise PydanticCustomError("pippin_too_long", f"must have at most {limit} items.")
        return value

    return BeforeValidator(check)


ModelName = Annotated[str, Field(min_length=1, max_length=512)]
TokenCount = Annotated[int, Field(ge=1, le=MAX_TOKENS)]
TokenCountOrNone = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Choices = Annotated[int, Field(ge=1, le=MAX_CHOICES)]
TopLogprobs = Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)]
TokenId = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
TokenIds = Annotated[list[TokenId], Field(fail_fast=True), at_most(MAX_TOKEN_IDS)]

Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
TopK = Annotated[int, Field(ge=-1, le=MAX_TOKENS)]
Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
RepetitionPenalty = Annotated[float, Field(gt=0, le=10)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
MirostatMode = Annotated[int, Field(ge=0, le=2)]
MirostatTau = Annotated[float, Field(gt=0, le=100)]
MirostatEta = Annotated[float, Field(gt=0, le=1)]

Label = Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Label],
    Field(max_length=MAX_METADATA_PAIRS),
    at_most(MAX_METADATA_PAIRS),
]


TEXT, LIST = f"{TAG_PREFIX}text", f"{TAG_PREFIX}list"


def text_or_list(value: object) -> str | None:
    """The discriminator of fields that take one text or a list."""
    return TEXT if isinstance(value, str) else LIST if isinstance(value, list) else None


Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARS)]
Stops = Annotated[
    Annotated[Stop, Tag(TEXT)]
    | Annotated[
        list[Stop], Field(max_length=MAX_STOPS, fail_fast=True), at_most(MAX_STOPS), Tag(LIST)
    ],
    Discriminator(
        text_or_list,
        custom_error_type="pippin_stop",
        custom_error_message="must be a string or a list of strings.",
    ),
]


TOKEN_ID = re.compile(r"0|[1-9][0-9]{0,8}")


def _with_token_ids(value: Any) -> Any:
    """JSON's keys are texts: those of a logit bias are token ids in decimal."""
    if not isinstance(value, dict):
        return value
    for key in value:
        if not TOKEN_ID.fullmatch(key):
            raise PydanticCustomError(
                "pippin_logit_bias",
                "must have token ids, written in decimal without leading zeros, as its keys.",
            )
    return {int(key): bias for key, bias in value.items()}


def _within_bias_range(value: dict[int, float]) -> dict[int, float]:
    if any(not -100 <= bias <= 100 for bias in value.values()):
        raise PydanticCustomError("pippin_logit_bias", "must have values from -100 to 100.")
    return value


LogitBias = Annotated[
    dict[int, float],
    BeforeValidator(_with_token_ids),
    AfterValidator(_within_bias_range),
    Field(max_length=MAX_LOGIT_BIASES),
    at_most(MAX_LOGIT_BIASES),
]


class StreamOptions(Body):
    refused: ClassVar[dict[str, tuple[object, ...]]] = {"include_obfuscation": (False,)}

    include_usage: bool = False
    """End the stream with a chunk that carries the usage of the whole request."""


ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
