"""What chat and completions have in common: the parameters of generation, and their meaning."""

import secrets
from typing import Any

from pippin.api.extensions import Extensions
from pippin.api.fields import (
    Choices,
    Label,
    LogitBias,
    Metadata,
    MirostatEta,
    MirostatMode,
    MirostatTau,
    ModelName,
    Penalty,
    PositiveShare,
    RepetitionPenalty,
    Seed,
    ServiceTier,
    Share,
    Stops,
    StreamOptions,
    Temperature,
    TokenCountOrNone,
    TopK,
)
from pippin.api.structured import ConstraintFields
from pippin.api.validation import disagreement
from pippin.core.model import ModelInfo
from pippin.core.sampling import Sampling, SamplingDefaults
from pippin.errors import AdapterNotFound, InvalidRequest, UnsupportedParameter

GREEDY_BELOW = 1e-5
"""Temperatures below this are 0. Dividing logits by them would overflow float32, and the
distribution is a single token long before."""

WITHOUT_EFFECT = frozenset(
    {
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
    }
)
"""OpenAI's fields that mean nothing on a local server: checked for shape, then ignored."""

UNSUPPORTED_EVERYWHERE: dict[str, tuple[object, ...]] = {
    "guided_decoding_backend": (),
    "logit_processors": ([],),
    "logits_processors": ([],),
}
"""What neither generation route supports, with the values that ask for nothing."""


class GenerationFields(ConstraintFields):
    """Fields of both generation routes."""

    model: ModelName | None = None
    """One of the ids of ``/v1/models``; the first model if not given."""
    adapter: Label | None = None
    """One of ``/v1/adapters``, or an empty name for none; the model's default one if not given."""
    adapter_name: Label | None = None
    """Another name of ``adapter``."""
    max_tokens: TokenCountOrNone | None = None
    """Upper bound of generated tokens per choice."""
    min_tokens: TokenCountOrNone | None = None
    """No end of text and no stop before this many tokens."""
    n: Choices | None = None
    """Choices per prompt."""
    stop: Stops | None = None
    """Texts that end the answer, however they are tokenised, and are not part of it."""
    ignore_eos: bool | None = None
    """Go on when the model ends its text, until the token limit."""
    stream: bool | None = None
    """Send the answer piece by piece, as server-sent events."""
    stream_options: StreamOptions | None = None
    pippin: Extensions | None = None
    """What only this server understands."""

    temperature: Temperature | None = None
    """0 is greedy."""
    top_p: Share | None = None
    """Keep the most likely tokens of this mass. 0 keeps the single most likely one."""
    top_k: TopK | None = None
    """Keep the k most likely tokens. 0 and -1 keep all."""
    min_p: Share | None = None
    """Keep tokens at least this share as likely as the most likely one."""
    typical_p: PositiveShare | None = None
    """Locally typical sampling."""
    seed: Seed | None = None
    """The same seed gives the same text; a random one is drawn if not given."""
    repetition_penalty: RepetitionPenalty | None = None
    """Above 1: tokens of the recent window become less likely."""
    repetition_context_size: TokenCountOrNone | None = None
    """Length of that window, in tokens."""
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: LogitBias | None = None
    """Token id → value from -100 to 100, added to its logit."""
    mirostat_mode: MirostatMode | None = None
    """GGUF models: 1 or 2 lets the text's surprise choose how many tokens are kept, instead of
    top_k, top_p, min_p and typical_p. 0 does not."""
    mirostat: MirostatMode | None = None
    """Another name of ``mirostat_mode``."""
    mirostat_tau: MirostatTau | None = None
    """The surprise to be kept, in bits per token."""
    mirostat_eta: MirostatEta | None = None
    """How fast it is followed."""

    user: Label | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: ServiceTier | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None
    prompt_cache_retention: Label | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def adapter_wanted(self) -> str | None:
        return self.adapter_name if self.adapter is None else self.adapter

    @property
    def choices(self) -> int:
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def check_agreement(self) -> None:
        super().check_agreement()
        if self.stream_options is not None and not self.stream:
            raise disagreement("stream_options", "stream_options needs stream to be true.")
        if len({self.adapter, self.adapter_name} - {None}) > 1:
            raise disagreement("adapter", "adapter and adapter_name differ; give one of them.")
        if len({self.mirostat, self.mirostat_mode} - {None}) > 1:
            raise disagreement("mirostat", "mirostat and mirostat_mode differ; give one of them.")


def resolved_sampling(ask: GenerationFields, info: ModelInfo) -> Sampling:
    """The sampling of a request: what it says, else what the model's own defaults say, else
    the neutral value. A seed that is not given is drawn here.

    Raises:
        UnsupportedParameter: the request has a parameter that this model's runtime refuses.
        InvalidRequest: a token id of ``logit_bias`` is outside the model's vocabulary.
    """
    _check_runtime(ask, info)
    given: dict[str, Any] = {
        name: value
        for name in Sampling.__struct_fields__
        if (value := _given(ask, info.defaults, name)) is not None
    }
    _check_vocabulary(ask.logit_bias or {}, info.vocab_size)
    if ask.mirostat is not None:
        given["mirostat_mode"] = ask.mirostat
    given.setdefault("seed", secrets.randbits(63))
    if given.get("temperature", 1.0) < GREEDY_BELOW:
        given["temperature"] = 0.0
    if given.get("top_k") == -1:
        given["top_k"] = 0
    if given.get("top_p") == 0:
        # The smallest set of tokens whose mass reaches 0 and that is not empty.
        given |= {"top_p": 1.0, "top_k": 1}
    return Sampling(**given)


def adapter_of(ask: GenerationFields, info: ModelInfo) -> str | None:
    """The adapter of a request; ``None``: the model's default one, empty: none.

    Raises:
        AdapterNotFound: the model has none of this name.
    """
    wanted = ask.adapter_wanted
    if wanted and wanted not in info.adapters:
        raise AdapterNotFound.of(wanted)
    return wanted


def token_limit(asked: int | None, min_tokens: int | None, info: ModelInfo) -> int | None:
    """The upper bound of an answer's tokens: as the request says, else as the settings do.

    Raises:
        InvalidRequest: ``min_tokens`` is above what the settings say.
    """
    limit = info.defaults.max_tokens if asked is None else asked
    if limit is not None and (min_tokens or 0) > limit:
        raise InvalidRequest(
            f"min_tokens must not be more than max_tokens ({limit}).", "min_tokens"
        )
    return limit


def _given(ask: GenerationFields, defaults: SamplingDefaults, name: str) -> object:
    asked = getattr(ask, name)
    return getattr(defaults, name, None) if asked is None else asked


def _check_runtime(ask: GenerationFields, info: ModelInfo) -> None:
    for name in info.refused:
        if getattr(ask, name, None):  # 0 asks for nothing
            raise UnsupportedParameter(
                f"{name} is not supported by this model, which {info.runtime} computes.", name
            )


def _check_vocabulary(bias: dict[int, float], vocab_size: int) -> None:
    if any(token >= vocab_size for token in bias):
        raise InvalidRequest(
            f"logit_bias must have token ids below {vocab_size} as its keys.", "logit_bias"
        )


def check_fan_out(prompts: int, choices: int, limit: int, param: str) -> None:
    """Bound the answers of one request.

    Raises:
        InvalidRequest: more than ``limit``.
    """
    if prompts * choices > limit:
        raise InvalidRequest(
            f"The request asks for {prompts * choices} answers (prompts times choices); at most "
            f"{limit} are allowed.",
            param,
        )
