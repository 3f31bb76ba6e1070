"""The chat dialect, inward: a body of ``/v1/chat/completions`` → what is asked of the model."""

from typing import ClassVar

from pippin.api.fields import TokenCount, TopLogprobs
from pippin.api.generation import (
    UNSUPPORTED_EVERYWHERE,
    GenerationFields,
    adapter_of,
    check_fan_out,
    resolved_sampling,
    token_limit,
)
from pippin.api.messages import Conversations, chat_prompts, conversations_of
from pippin.api.reasoning import ReasoningFields, template_arguments
from pippin.api.tools import ToolFields
from pippin.api.validation import disagreement
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest
from pippin.errors import InvalidRequest


class ChatBody(GenerationFields, ToolFields, ReasoningFields):
    """The body of ``POST /v1/chat/completions``."""

    refused: ClassVar[dict[str, tuple[object, ...]]] = {
        **UNSUPPORTED_EVERYWHERE,
        "functions": ([],),
        "function_call": ("none", "auto"),
        "include_reasoning": (True,),
        "reasoning": (),
        "thinking": (),
        "max_thinking_tokens": (),
        "thinking_token_budget": (),
        "thinking_budget_tokens": (),
        "reasoning_budget": (),
        "verbosity": ("medium",),
        "modalities": (["text"],),
        "audio": (),
        "prediction": (),
        "web_search_options": (),
        "chat_template": (),
    }

    messages: Conversations
    """A conversation, or a list of several; a final assistant message is continued."""
    max_completion_tokens: TokenCount | None = None
    """OpenAI's newer name of ``max_tokens``. Neither given: the rest of the context."""
    max_tokens: TokenCount | None = None
    """Upper bound of generated tokens per choice."""
    logprobs: bool | None = None
    """Report the log-probability of every token."""
    top_logprobs: TopLogprobs | None = None
    """And so many alternatives for each."""

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def check_agreement(self) -> None:
        super().check_agreement()
        both = {self.max_completion_tokens, self.max_tokens} - {None}
        if len(both) > 1:
            raise disagreement(
                "max_tokens",
                "max_tokens and max_completion_tokens differ; give one of them.",
            )
        if self.top_logprobs and not self.logprobs:
            raise disagreement("top_logprobs", "top_logprobs needs logprobs to be true.")
        if (self.min_tokens or 0) > (self.token_limit or self.min_tokens or 0):
            raise disagreement("min_tokens", "min_tokens must not be more than max_tokens.")


def chat_requests(ask: ChatBody, info: ModelInfo, max_prompts: int) -> list[GenerationRequest]:
    """One request per conversation.

    Raises:
        AdapterNotFound: the model has no such adapter.
        InvalidRequest: what only this model or this server's limits can tell.
    """
    if not info.chat:
        raise InvalidRequest("This model has no chat template; use /v1/completions.", "model")
    conversations = conversations_of(ask.messages)
    check_fan_out(len(conversations), ask.choices, max_prompts, "messages")
    sampling, adapter = resolved_sampling(ask, info), adapter_of(ask, info)
    constraint, tool_use = ask.constraint, ask.tool_use
    limit = token_limit(ask.token_limit, ask.min_tokens, info)
    prompts = chat_prompts(conversations, template_arguments(ask, info), ask.offered)
    return [
        GenerationRequest(
            prompt=prompt,
            sampling=sampling,
            adapter=adapter,
            choices=ask.choices,
            max_tokens=limit,
            min_tokens=ask.min_tokens or 0,
            stop=ask.stops,
            ignore_eos=ask.ignore_eos or False,
            logprobs=(ask.top_logprobs or 0) if ask.logprobs else None,
            constraint=constraint,
            tool_use=tool_use,
            thinking_budget=ask.thinking_budget,
        )
        for prompt in prompts
    ]
