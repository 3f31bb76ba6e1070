"""The settings of one model, where they differ from the server's."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pippin.settings.fields import (
    Folders,
    GroupSize,
    KVBits,
    Names,
    Quantize,
    RepetitionPenalty,
    Share,
    Size,
    Temperature,
    Tokens,
    TopK,
)


class ModelSettings(BaseModel):
    """One model that is to be served. What is ``None`` is as the server's setting of that name.

    Raises:
        pydantic.ValidationError: its messages are words for the operator.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )

    model: str = Field(min_length=1)
    """Where it is: ``demo``, a folder, a ``.gguf`` file, or a repository ``org/name[@rev]``."""
    name: str = ""
    """What clients call it. Not given: the last part of a path, or the repository."""
    aliases: Names = ()
    """Further names."""
    load: Literal["start", "demand"] = "start"
    """Whether it is loaded with the server, or by the first request for it."""
    pin: bool = False
    """Never unload it to make room, or because it is idle."""

    ttl_s: float | None = Field(None, ge=0)
    quantize: Quantize | None = None
    group_size: GroupSize | None = None
    keep_dtype: bool | None = None
    adapters: Folders | None = None
    default_adapter: str | None = None
    chat_format: str | None = None
    tool_parser: str | None = None
    context_length: int | None = Field(None, ge=0)
    max_tokens: Tokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    repetition_penalty: RepetitionPenalty | None = None
    memory: Size | None = None
    kv_bits: KVBits | None = None
    cache_ram: Size | None = None
    cache_min_tokens: int | None = Field(None, ge=0, le=1_000_000)
    cache_slots: int | None = Field(None, ge=0, le=1_000_000)
    max_lanes: int | None = Field(None, ge=1, le=4096)
    max_concurrency: int | None = Field(None, ge=0, le=4096)
    queue_size: int | None = Field(None, ge=0, le=1_000_000)
    queue_timeout_s: float | None = Field(None, gt=0)
    stall_timeout_s: float | None = Field(None, gt=0)
    prefill_budget: int | None = Field(None, ge=0, le=1_000_000)

    @classmethod
    def of_text(cls, text: str) -> "ModelSettings":
        """``WHERE`` or ``NAME=WHERE``, as on the command line.

        Raises:
            ValueError: a half of it is missing. In words for the operator.
        """
        name, equals, where = (part.strip() for part in text.partition("="))
        if equals and "/" not in name:
            if not name or not where:
                raise ValueError(f"{text!r} gives no usable name; write NAME=WHERE")
            return cls(model=where, name=name)
        return cls(model=text.strip())

    @property
    def overrides(self) -> dict[str, object]:
        """The server's settings that this model changes, by name."""
        return {
            name: value
            for name in type(self).model_fields
            if name not in OWN and (value := getattr(self, name)) is not None
        }


OWN = frozenset({"model", "name", "aliases", "load", "pin"})
"""What the server as a whole has no setting for."""
