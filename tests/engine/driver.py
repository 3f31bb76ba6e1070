"""Runs an engine to the end and collects what it says."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from pippin.engine.engine import Engine
from pippin.engine.lane import Begun, Ended, Job, JobFailed, JobLate, PromptScored, Score, Token

LaneId = tuple[int, int]


class SetPace:
    """In place of the measured pace: so many prompt tokens a step, and so much patience."""

    def __init__(self, tokens: int, patience: float | None) -> None:
        self._tokens = tokens
        self._patience = patience

    def budget(self, decoding: int, waiting: int) -> int:
        return self._tokens

    def patience(self, decoding: int, waiting: int) -> float | None:
        return self._patience

    def observe(self, seconds: float, decoding: int, prefilled: int) -> None:
        pass


class Transcript:
    """Everything that an engine put out, by lane (job id, choice)."""

    def __init__(self) -> None:
        self.tokens: dict[LaneId, list[int]] = defaultdict(list)
        self.ends: dict[LaneId, str] = {}
        self.scores: dict[LaneId, list[Score]] = defaultdict(list)
        self.prompt_scores: dict[int, list[Score | None]] = defaultdict(list)
        self.ended: list[int] = []
        self.failed: list[int] = []
        self.late: list[int] = []
        self.begun: dict[int, Begun] = {}

    def take(self, outputs: Iterable[object]) -> None:
        for output in outputs:
            match output:
                case Token():
                    lane = (output.job_id, output.index)
                    assert lane not in self.ends, "a token after the end"
                    self.tokens[lane].append(output.token)
                    if output.score:
                        self.scores[lane].append(output.score)
                    if output.end:
                        self.ends[lane] = output.end
                case PromptScored():
                    self.prompt_scores[output.job_id].extend(output.scores)
                case Ended():
                    self.ended.append(output.job_id)
                case Begun():
                    self.begun.setdefault(output.job_id, output)
                case JobLate():
                    self.late.append(output.job_id)
                case JobFailed():
                    self.failed.append(output.job_id)
                case _:
                    raise AssertionError(output)


def run(
    engine: Engine,
    jobs: Iterable[Job] = (),
    before_step: Callable[[int, Engine], object] | None = None,
    max_steps: int = 10_000,
) -> Transcript:
    """Until the engine is idle and ``before_step`` returns nothing true: more is to come. Then its
    books must balance."""
    transcript = Transcript()
    for job in jobs:
        engine.submit(job)
    for step in range(max_steps):
        more_to_come = before_step and before_step(step, engine)
        transcript.take(engine.step())
        if engine.idle and not more_to_come:
            break
    else:
        raise AssertionError("the engine never became idle")
    engine.check_integrity()
    return transcript
