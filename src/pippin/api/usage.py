"""How many tokens a request took, in OpenAI's shape."""

import msgspec

from pippin.core.events import Event, Finished, Started


class PromptTokensDetails(msgspec.Struct, frozen=True):
    cached_tokens: int = 0
    """Prompt tokens whose computation was reused."""


class CompletionTokensDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int = 0
    """Tokens of thinking, with the marks around it."""


class Usage(msgspec.Struct, frozen=True):
    """Sums over all prompts and all generated choices, those that ``best_of`` dropped too."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class Tally:
    """Counts from the events of one request's answers."""

    def __init__(self) -> None:
        self.prompts_started = 0
        self.choices_finished = 0
        self._prompt_tokens = 0
        self._cached_tokens = 0
        self._completion_tokens = 0
        self._reasoning_tokens = 0

    def add(self, event: Event) -> None:
        if isinstance(event, Started):
            self.prompts_started += 1
            self._prompt_tokens += event.prompt_tokens
            self._cached_tokens += event.cached_tokens
        elif isinstance(event, Finished):
            self.choices_finished += 1
            self._completion_tokens += event.completion_tokens
            self._reasoning_tokens += event.reasoning_tokens

    def usage(self) -> Usage:
        return Usage(
            self._prompt_tokens,
            self._completion_tokens,
            self._prompt_tokens + self._completion_tokens,
            PromptTokensDetails(self._cached_tokens),
            CompletionTokensDetails(self._reasoning_tokens),
        )
