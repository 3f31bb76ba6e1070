"""Jobs and lanes: what the engine is asked to do, and one sequence that is being generated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pippin.core.request import Priority
from pippin.core.sampling import Sampling
from pippin.engine.constraints.guide import Form, Guide
from pippin.engine.constraints.meter import ThinkingLimit
from pippin.engine.noise import lane_key
from pippin.memory.explanation import Explanation
from pippin.memory.text import Text

EndReason = Literal["stop", "length", "complete"]
"""By a token that is no part of the text; by the limit; because nothing can follow the token."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where a choice goes on that another engine had begun."""

    tokens: tuple[int, ...] = ()
    """Those that it had generated. They do not come out again."""
    again: tuple[int, ...] = ()
    """Those behind them that it had generated, too, but whose scores are wanted: they come out
    once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request in tokens. It has passed every check: it fits the context and the vocabulary.

    One prompt, prefilled once, then ``choices`` lanes.
    """

    id: int
    prompt: tuple[int, ...]
    """At least one token."""
    sampling: Sampling = field(default_factory=Sampling)
    choices: int = 1
    max_tokens: int
    """Per choice; 0 only with ``score_prompt``."""
    min_tokens: int = 0
    eos: frozenset[int] = frozenset()
    """Tokens that end a lane; empty if the request ignores the end of text."""
    logprobs: int | None = None
    """``None``: none are computed. k: the chosen token's, and the k best alternatives."""
    score_prompt: bool = False
    """Also report the log-probabilities of the prompt's own tokens."""
    adapter: int = 0
    """Of the model's LoRA adapters; 0: none."""
    tenant: str = ""
    """Whose job it is: work is shared out fairly between tenants."""
    priority: Priority = "interactive"
    arrived: float = 0.0
    """When the scheduler got it, in seconds of the scheduler's clock. Set by the scheduler."""
    text: Text | None = None
    """The prompt as the memory of prompts knows it; ``None``: nothing of it is remembered."""
    form: Form | None = None
    """What the answer must look like."""
    thinking_limit: ThinkingLimit | None = None
    turn_ends: frozenset[int] = frozenset()
    """Tokens that end a turn of a conversation."""
    explain: bool = False
    """Say with ``Begun`` what of the prompt was remembered, and why not more."""
    resumed: tuple[Resumed | None, ...] = ()
    """Where each choice goes on; ``None``: it is complete. Empty: all begin with the prompt."""

    @property
    def open_choices(self) -> tuple[int, ...]:
        """Those that are to be generated."""
        if not self.resumed:
            return tuple(range(self.choices))
        return tuple(index for index, each in enumerate(self.resumed) if each)

    @property
    def goes_on(self) -> bool:
        """Whether it is no prompt that is taken in first, but the text of its only lane."""
        return bool(self.resumed) and len(self.open_choices) == 1

    @property
    def first_text(self) -> Text | None:
        """What is taken in first, with the newest token, as the memory of prompts knows it."""
        if self.text is None or not self.goes_on:
            return self.text
        (tokens,) = (each.tokens for each in self.resumed if each)
        return self.text.extended(tokens)


@dataclass(slots=True)
class Lane:
    """One choice of one job, from the end of prefill to its last token. Owned by the engine."""

    job: Job
    index: int
    generated: list[int] = field(default_factory=list)
    key: int = field(init=False)
    """Of this lane's random numbers."""
    guide: Guide | None = field(init=False, default=None)
    """What it may say next; ``None``: anything."""

    def __post_init__(self) -> None:
        job = self.job
        self.key = lane_key(job.sampling.seed, self.index)
        known = job.resumed[self.index] if job.resumed else None
        if known:
            self.generated = list(known.tokens)
        self.guide = self._guide(known.again if known else ())

    def _guide(self, known: tuple[int, ...]) -> Guide | None:
        """Where the lane is; ``known``: what it will surely say next."""
        job = self.job
        if job.form or job.thinking_limit:
            ends, min_tokens = job.turn_ends, job.min_tokens if job.eos else job.max_tokens
        elif known:
            ends, min_tokens = job.eos, job.min_tokens
        else:
            return None
        guide = Guide(job.form, job.thinking_limit, eos=tuple(ends), min_tokens=min_tokens)
        for position, token in enumerate(self.generated):
            guide.accept(position, token)
        guide.expect(known)
        return guide

    @property
    def newest_token(self) -> int:
        """The token that the next forward pass takes in."""
        return self.generated[-1] if self.generated else self.job.prompt[-1]

    @property
    def tokens_left(self) -> int:
        """How many more the lane may take."""
        return self.job.max_tokens - len(self.generated)

    @property
    def cached(self) -> int:
        """Tokens of this lane in its cache: all but the newest."""
        return len(self.job.prompt) + len(self.generated) - 1

    @property
    def window(self) -> int:
        """Tokens that the repetition penalty looks back on: never more than there can be."""
        sampling = self.job.sampling
        if sampling.repetition_penalty == 1.0:
            return 0
        return min(sampling.repetition_context_size, len(self.job.prompt) + self.job.max_tokens)

    @property
    def recent(self) -> list[int]:
        """The last ``window`` tokens of prompt and answer."""
        missing = self.window - len(self.generated)
        if missing <= 0:
            return self.generated[len(self.generated) - self.window :]
        return [*self.job.prompt[-missing:], *self.generated]

    @property
    def id(self) -> tuple[int, int]:
        return self.job.id, self.index

    def accept(self, token: int) -> EndReason | None:
        """Append a token; why the lane ends with it, if it does."""
        self.generated.append(token)
        if self.guide:
            self.guide.accept(len(self.generated) - 1, token)
        if token in self.job.eos and (self.guide or len(self.generated) > self.job.min_tokens):
            return "stop"
        if self.guide and self.guide.complete:
            return "complete"
        if len(self.generated) >= self.job.max_tokens:
            return "length"
        return None


@dataclass(frozen=True, slots=True)
class Score:
    """Log-probabilities at one position: the token's own and the best alternatives'."""

    logprob: float
    top: tuple[tuple[int, float], ...] = ()
    """(token, log-probability), best first."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A job has left the queue. ``cached``: tokens of its prompt that need not be computed."""

    job_id: int
    cached: int = 0
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class PromptScored:
    """Scores of a run of prompt tokens, in order; the very first token has none."""

    job_id: int
    tokens: tuple[int, ...]
    scores: tuple[Score | None, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A lane's next token; ``end`` says that it was the last, and why."""

    job_id: int
    index: int
    token: int
    end: EndReason | None = None
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that generates nothing (``max_tokens`` 0) is done."""

    job_id: int


@dataclass(frozen=True, slots=True)
class JobLate:
    """A job waited in the queue for longer than is allowed, and was turned away."""

    job_id: int


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A step failed with this job in it. The engine goes on without it."""

    job_id: int
    too_complex: bool = False
    """It was not the model's fault: the job's constraint could not be followed any further."""


Output = Begun | PromptScored | Token | Ended | JobLate | JobFailed

Deliver = Callable[[Sequence[Output]], None]
"""Takes outputs on the engine thread, and waits for nothing."""
