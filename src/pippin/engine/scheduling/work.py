"""What the scheduler hands out: prefills, in chunks."""

from dataclasses import dataclass, field

from pippin.engine.lane import Job, Lane


@dataclass(slots=True, eq=False)
class Prefill:
    """Tokens on their way into the cache: a job's prompt, or a paused lane's text so far.

    The newest token is not prefilled: it is the input of the lane's next step. Owned by the
    scheduler until its last chunk is handed out; engine thread only.
    """

    job: Job
    lane: Lane | None = None
    """A paused lane, which goes on where it stopped."""
    done: int = 0
    """Tokens that are in the cache."""
    begun: bool = False
    """It has been taken up: the lanes and the bytes that it will need are set aside."""
    kept: bool = False
    """A paused lane's rows wait with the prefiller, and hold what is done."""
    known: int = 0
    """Tokens that the memory of prompts had at submission: a hint for the order, no more."""
    scored: int = 0
    """Tokens of the prompt whose scores were told. They are told once, even if it starts over."""
    _text: tuple[int, ...] | None = field(default=None, init=False, repr=False)

    @property
    def id(self) -> tuple[int, int | None]:
        return self.job.id, self.lane.index if self.lane else None

    @property
    def text(self) -> tuple[int, ...]:
        """All tokens that are to be in the cache."""
        if self._text is None:
            generated = self.lane.generated if self.lane else ()
            self._text = (*self.job.prompt, *generated)[:-1]
        return self._text

    @property
    def total(self) -> int:
        return self.lane.cached if self.lane else len(self.job.prompt) - 1

    @property
    def remaining(self) -> int:
        return self.total - self.done

    @property
    def expected(self) -> int:
        """Tokens that are probably still to be computed."""
        return self.remaining if self.begun else self.total - max(self.done, self.known)

    @property
    def plain(self) -> bool:
        """Fresh, and only to be put into the cache."""
        fresh = self.done == 0 and self.lane is None and not self.job.resumed
        return fresh and not self.job.score_prompt

    @property
    def choices(self) -> int:
        """Lanes that it becomes: none if the prompt is only scored."""
        if self.job.max_tokens == 0:
            return 0
        return 1 if self.lane else len(self.job.open_choices)

    @property
    def tokens_left(self) -> int:
        """How many each of its lanes may generate."""
        return self.lane.tokens_left if self.lane else self.job.max_tokens


Work = Prefill | Lane
"""Whatever holds rows, or will."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Work for one forward pass: the next ``length`` tokens of one prefill, or the whole prompts
    of several fresh ones, padded to ``length``."""

    prefills: tuple[Prefill, ...]
    length: int
