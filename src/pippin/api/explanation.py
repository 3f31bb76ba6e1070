"""What of a prompt was remembered, as an answer tells it to a client who asked for it."""

import msgspec

from pippin.core.events import Started
from pippin.core.memory import ReuseReason, Tier, TokenText


class ExplainedToken(msgspec.Struct, frozen=True):
    token: int
    text: str


class ExplainedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """Why so many tokens of one prompt did not have to be computed, and not more."""

    prompt: int
    """Which one of the request's prompts, counted from 0."""
    tier: Tier
    matched_tokens: int
    prompt_tokens: int
    reason: ReuseReason
    position: int | None
    """Of the first token that differs from what was remembered."""
    asked: ExplainedToken | None
    """What the prompt has there."""
    remembered: ExplainedToken | None
    """What was remembered there. ``null``, too, where it may be somebody else's word."""


class Explanation(msgspec.Struct, frozen=True):
    """The ``pippin`` member of an answer."""

    cache: list[ExplainedPrompt]


def explanation(started: dict[int, Started], show_remembered: bool) -> Explanation:
    """For prompts by their number; those whose worker explained nothing are left out."""
    prompts = [_prompt(number, one, show_remembered) for number, one in sorted(started.items())]
    return Explanation([prompt for prompt in prompts if prompt is not None])


def _prompt(number: int, started: Started, show_remembered: bool) -> ExplainedPrompt | None:
    reuse = started.reuse
    if reuse is None:
        return None
    return ExplainedPrompt(
        prompt=number,
        tier=reuse.tier,
        matched_tokens=reuse.matched_tokens,
        prompt_tokens=started.prompt_tokens,
        reason=reuse.reason,
        position=reuse.position,
        asked=_token(reuse.asked),
        remembered=_token(reuse.remembered) if show_remembered else None,
    )


def _token(token: TokenText | None) -> ExplainedToken | None:
    return None if token is None else ExplainedToken(token.token, token.text)
