"""The completions dialect, inward: a body of ``/v1/completions`` → what is asked of the model."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from pippin.api.fields import (
    MAX_TOKEN_IDS,
    TEXT,
    Choices,
    TokenIds,
    TopLogprobs,
    at_most,
)
from pippin.api.generation import (
    UNSUPPORTED_EVERYWHERE,
    GenerationFields,
    adapter_of,
    check_fan_out,
    resolved_sampling,
    token_limit,
)
from pippin.api.validation import TAG_PREFIX, disagreement
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest, TextPrompt, TokenPrompt
from pippin.errors import InvalidRequest
from pippin.settings import MAX_PROMPTS

DEFAULT_MAX_TOKENS = 16
"""OpenAI's."""

TOKENS = f"{TAG_PREFIX}tokens"
SEVERAL_TEXTS, SEVERAL_TOKENS = f"{TAG_PREFIX}several_texts", f"{TAG_PREFIX}several_tokens"


def _shape(value: object) -> str | None:
    if isinstance(value, str):
        return TEXT
    if not isinstance(value, list):
        return None
    first = value[0] if value else ""
    if isinstance(first, list):
        return SEVERAL_TOKENS
    return SEVERAL_TEXTS if isinstance(first, str) else TOKENS


def _few_tokens_in_all(value: Any) -> Any:
    if sum(len(item) for item in value if isinstance(item, list)) > MAX_TOKEN_IDS:
        raise PydanticCustomError(
            "pippin_too_long", f"must have at most {MAX_TOKEN_IDS} token ids in all."
        )
    return value


Text = Annotated[str, Field(min_length=1)]
Tokens = Annotated[TokenIds, Field(min_length=1)]
PromptField = Annotated[
    Annotated[Text, Tag(TEXT)]
    | Annotated[
        list[Text], Field(min_length=1, fail_fast=True), at_most(MAX_PROMPTS), Tag(SEVERAL_TEXTS)
    ]
    | Annotated[Tokens, Tag(TOKENS)]
    | Annotated[
        list[Tokens],
        Field(min_length=1, fail_fast=True),
        BeforeValidator(_few_tokens_in_all),
        at_most(MAX_PROMPTS),
        Tag(SEVERAL_TOKENS),
    ],
    Discriminator(
        _shape,
        custom_error_type="pippin_prompt",
        custom_error_message="must be a string, a list of token ids, or a list of either.",
    ),
]


class CompletionBody(GenerationFields):
    """The body of ``POST /v1/completions``."""

    refused: ClassVar[dict[str, tuple[object, ...]]] = {
        **UNSUPPORTED_EVERYWHERE,
        "suffix": (),
        "prompt_embeds": (),
    }

    prompt: PromptField
    """Text, token ids, or a list of either."""
    best_of: Choices | None = None
    """Generate so many, answer with the ``n`` whose tokens were likeliest on average."""
    echo: bool | None = None
    """Begin the answer with the prompt."""
    logprobs: TopLogprobs | None = None
    """Report the log-probability of every token, and so many alternatives for each."""

    @property
    def candidates(self) -> int:
        return self.best_of or self.choices

    def check_agreement(self) -> None:
        super().check_agreement()
        if self.candidates < self.choices:
            raise disagreement("best_of", "best_of must not be less than n.")
        if self.candidates > self.choices and self.stream:
            raise disagreement("best_of", "best_of greater than n cannot be streamed.")
        if self.max_tokens == 0 and not self.echo:
            raise disagreement("max_tokens", "max_tokens must be at least 1, or echo true.")


def completion_requests(
    ask: CompletionBody, info: ModelInfo, max_prompts: int
) -> list[GenerationRequest]:
    """One request per prompt.

    Raises:
        AdapterNotFound: the model has no such adapter.
        InvalidRequest: what only this model or this server's limits can tell.
    """
    prompts = _prompts(ask.prompt, info.vocab_size)
    check_fan_out(len(prompts), ask.candidates, max_prompts, "prompt")
    sampling, constraint = resolved_sampling(ask, info), ask.constraint
    adapter = adapter_of(ask, info)
    asked = DEFAULT_MAX_TOKENS if _nothing_said(ask, info) else ask.max_tokens
    limit = token_limit(asked, ask.min_tokens, info)
    return [
        GenerationRequest(
            prompt=prompt,
            sampling=sampling,
            adapter=adapter,
            choices=ask.candidates,
            max_tokens=limit,
            min_tokens=ask.min_tokens or 0,
            stop=ask.stops,
            ignore_eos=ask.ignore_eos or False,
            logprobs=ask.logprobs,
            echo=ask.echo or False,
            score=ask.candidates > ask.choices,
            constraint=constraint,
        )
        for prompt in prompts
    ]


def _nothing_said(ask: CompletionBody, info: ModelInfo) -> bool:
    """Of a limit: neither by the request nor by the settings."""
    return ask.max_tokens is None and info.defaults.max_tokens is None


def _prompts(
    prompt: str | list[str] | list[int] | list[list[int]], vocab_size: int
) -> list[TextPrompt | TokenPrompt]:
    if isinstance(prompt, str):
        return [TextPrompt(text=prompt)]
    if isinstance(prompt[0], int):
        return [_token_prompt(prompt, vocab_size, "prompt")]
    return [_prompt(prompt[i], vocab_size, f"prompt[{i}]") for i in range(len(prompt))]


def _prompt(item: str | list[int], vocab_size: int, param: str) -> TextPrompt | TokenPrompt:
    if isinstance(item, str):
        return TextPrompt(text=item)
    return _token_prompt(item, vocab_size, param)


def _token_prompt(tokens: list[int], vocab_size: int, param: str) -> TokenPrompt:
    if max(tokens) >= vocab_size:
        raise InvalidRequest(f"{param} must have token ids below {vocab_size}.", param)
    return TokenPrompt(tokens=tuple(tokens))
