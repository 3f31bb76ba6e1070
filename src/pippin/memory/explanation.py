"""Why of a prompt so much was reused, and no more."""

from collections.abc import Callable
from dataclasses import dataclass

from pippin.core.memory import ReuseReason, Tier
from pippin.memory.blocks import BLOCK
from pippin.memory.runs import Match, P
from pippin.memory.text import Text


@dataclass(frozen=True, slots=True)
class Explanation:
    """What of a prompt was reused, and why no more. Positions and tokens as in ``Reuse``."""

    tier: Tier
    matched: int
    reason: ReuseReason
    position: int | None = None
    asked: int | None = None
    remembered: int | None = None


def explanation(
    text: Text,
    match: Match[P],
    *,
    reused: int,
    limit: int,
    from_disk: bool,
    needs_state: bool,
    was_evicted: Callable[[bytes], bool],
) -> Explanation:
    """Of ``match``, of which the first ``reused`` tokens are used and at most ``limit`` could be.
    ``was_evicted``: whether what reached up to this key had to make room lately."""
    tier: Tier = "none" if not reused else "disk" if from_disk else "ram"
    if reused == limit:
        return Explanation(tier, reused, "whole")
    reason = _reason(text, match, needs_state, was_evicted)
    if match.rival is None or match.seen >= len(text):
        return Explanation(tier, reused, reason)
    asked = int(text.tokens[match.seen])
    return Explanation(tier, reused, reason, match.seen, asked, match.rival)


def _reason(
    text: Text, match: Match[P], needs_state: bool, was_evicted: Callable[[bytes], bool]
) -> ReuseReason:
    following = text.keys[match.seen // BLOCK + 1 :][:1]
    if any(map(was_evicted, following)):
        return "evicted"
    if match.seen == 0:
        return "unknown"
    if needs_state and match.length < match.seen:
        return "no_checkpoint"
    return "ends" if match.rival is None else "differs"
