"""Hypothesis lives servers' lives on models whose every wrong row shows."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pippin.core.request import Priority
from pippin.core.sampling import Sampling
from pippin.engine.lane import Job
from tests.isolation.faulty_disk import MOODS, Mood
from tests.isolation.forms import FORMS
from tests.isolation.hashing import KINDS, Kind
from tests.isolation.ledger import Told
from tests.isolation.random_work import LONGEST_PROMPT, Life, Means
from tests.isolation.talk import TURN_END, words

PRIORITIES: tuple[Priority, ...] = ("interactive", "agent", "batch")
LANES_BYTES = (0.5, 2.5, 5.0, 10.0, *[1000.0] * 3)
LATELY = 6
"""Jobs, of which others go on."""
PICK = st.integers(0, 10_000)
MEANS = st.builds(
    Means,
    slots=st.sampled_from([None, 1, 2, 3]),
    ram_tokens=st.sampled_from([300, 1_000, 3_000, 100_000]),
    max_lanes=st.integers(1, 6),
    max_jobs=st.sampled_from([None, 2]),
    lanes_bytes=st.sampled_from(LANES_BYTES),
    queue_timeout_s=st.sampled_from([None, 30.0]),
    seed=PICK,
)
ANSWERS = st.fixed_dictionaries(
    {
        "max_tokens": st.integers(1, 24),
        "choices": st.sampled_from([1, 1, 2, 3]),
        "priority": st.sampled_from(PRIORITIES),
        "tenant": st.sampled_from(["", "a", "b"]),
        "eos": st.sampled_from([frozenset[int](), frozenset({3, 40, TURN_END})]),
        "sampling": st.builds(
            Sampling, temperature=st.sampled_from([0.0, 0.9]), seed=st.integers(0, 3)
        ),
        "logprobs": st.sampled_from([None, None, None, 2]),
    }
).flatmap(lambda fields: st.sampled_from(FORMS).map(lambda form: {**fields, **form}))
SALTS = ("", "salt")
ASTRAY = st.sampled_from([False, False, False, True])
"""Under another salt than before."""


class RandomWork(RuleBasedStateMachine):
    def __init__(self, kind: Kind, folders: Path, seen: Counter[str]) -> None:
        super().__init__()
        self.kind = kind
        self.seen = seen
        self.number = self.restarted_at = self.died_at = 0
        """Of the next job."""
        self._folders = folders

    @initialize(means=MEANS)
    def begin(self, means: Means) -> None:
        folder = Path(tempfile.mkdtemp(dir=self._folders))
        self.life = Life(self.kind, means, folder, self.seen)

    # -- jobs ------------------------------------------------------------------------------------

    @rule(
        seed=st.integers(0, 4),
        length=st.integers(1, 300),
        answers=ANSWERS,
        salt=st.sampled_from(SALTS),
    )
    def ask(self, seed: int, length: int, answers: dict[str, Any], salt: str) -> None:
        """A system prompt that others may have, and a question."""
        system = words(seed, min(length, 70))
        self._submit([*system, TURN_END, *words(length, length - len(system))], answers, salt)

    @precondition(lambda self: self.life.ledger.told)
    @rule(pick=PICK, more=st.integers(0, 60), answers=ANSWERS, astray=ASTRAY)
    def go_on(self, pick: int, more: int, answers: dict[str, Any], astray: bool) -> None:
        """With an earlier prompt and as much of its answer as there is."""
        text, salt = self._earlier(pick, astray)
        self._submit([*text, TURN_END, *words(pick, more)], answers, salt)

    @precondition(lambda self: self.life.ledger.told)
    @rule(pick=PICK, more=st.integers(1, 60), answers=ANSWERS, astray=ASTRAY)
    def branch(self, pick: int, more: int, answers: dict[str, Any], astray: bool) -> None:
        text, salt = self._earlier(pick, astray)
        self._submit([*text[: pick % len(text)], *words(pick, more)], answers, salt)

    @precondition(lambda self: self.life.ledger.told)
    @rule(pick=PICK, answers=ANSWERS, astray=ASTRAY)
    def repeat(self, pick: int, answers: dict[str, Any], astray: bool) -> None:
        _, salt = self._earlier(pick, astray)
        self._submit(self._told(pick).job.prompt, answers, salt)

    @rule(length=st.integers(1, 100), answers=ANSWERS, only=st.booleans())
    def score(self, length: int, answers: dict[str, Any], only: bool) -> None:
        if only:
            answers = {**answers, "max_tokens": 0, "choices": 1}
        self._submit(words(1, length), {**answers, "score_prompt": True}, "")

    def _submit(self, prompt: Any, answers: dict[str, Any], salt: str) -> None:
        turn_ends = frozenset({TURN_END})
        prompt = tuple(prompt[:LONGEST_PROMPT])
        job = Job(id=self.number, prompt=prompt, turn_ends=turn_ends, **answers)
        self.number += 1
        self.life.submit(job, salt)

    def _earlier(self, pick: int, astray: bool) -> tuple[tuple[int, ...], str]:
        """A prompt of late with an answer, and its salt, or the other one."""
        told = self._told(pick)
        salt = SALTS[told.salt == SALTS[0]] if astray else told.salt
        return told.texts[pick % len(told.texts)], salt

    def _told(self, pick: int) -> Told:
        recent = list(self.life.ledger.told.values())[-LATELY:]
        return recent[pick % len(recent)]

    @precondition(lambda self: self.life.ledger.open)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        jobs = list(self.life.ledger.open)
        self.life.cancel(jobs[pick % len(jobs)])

    @precondition(lambda self: self.life.ledger.speaking)
    @rule(pick=PICK)
    def cancel_a_choice(self, pick: int) -> None:
        speaking = self.life.ledger.speaking
        self.life.cancel(*speaking[pick % len(speaking)])

    # -- the world -------------------------------------------------------------------------------

    @precondition(lambda self: self.life.ledger.open)
    @rule(times=st.integers(1, 12))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.life.step()

    @precondition(lambda self: self.life.ledger.open)
    @rule(times=st.integers(10, 30))
    def step_long(self, times: int) -> None:
        self.step(times)

    @precondition(lambda self: self.life.ledger.open)
    @rule()
    def rest(self) -> None:
        self.life.rest()

    @rule()
    def tidy(self) -> None:
        self.life.tidy()

    @precondition(lambda self: self.life.ledger.open)
    @rule(seconds=st.sampled_from([0.5, 6.0, 25.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.life.now += seconds

    @rule(lanes=st.sampled_from(LANES_BYTES))
    def limit(self, lanes: float) -> None:
        self.life.limit(lanes)

    @rule(mood=st.sampled_from(MOODS))
    def sicken(self, mood: Mood) -> None:
        self.life.sicken(mood)

    @precondition(lambda self: self.life.ledger.open)
    @rule(calls=st.integers(1, 12), poison=st.booleans())
    def plant(self, calls: int, poison: bool) -> None:
        self.life.plant(calls, poison=poison)

    @precondition(lambda self: self.number >= self.restarted_at + 3)
    @rule()
    def restart(self) -> None:
        self.restarted_at = self.number
        self.life.restart()

    @precondition(lambda self: self.number >= self.died_at + 2 and self.life.ledger.open)
    @rule(again=st.integers(0, 5))
    def die(self, again: int) -> None:
        self.died_at = self.number
        self.life.resume(again)

    @precondition(lambda self: self.life.ledger.told)
    @rule(what=st.sampled_from(["damage", "damage", "forget", "lose"]), pick=PICK)
    def lose(self, what: str, pick: int) -> None:
        match what:
            case "damage":
                self.life.damage_a_record(pick)
            case "forget":
                self.life.forget()
            case "lose":
                self.life.lose_the_folder()

    def teardown(self) -> None:
        if hasattr(self, "life"):
            try:
                if self.life.is_sound:
                    self.life.rest()
            finally:
                self.life.stop()


ROUNDS = 20
"""Which of them happen is chance: more rounds until all have."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_random_work(kind: Kind, arrays: type, tmp_path: Path) -> None:
    """And enough happened, or else it says less than it seems to."""
    seen: Counter[str] = Counter()

    def begin() -> RandomWork:
        return RandomWork(kind, tmp_path, seen)

    for number in range(ROUNDS):
        if settings().derandomize:  # each round would be the first one again
            seed(number)(begin)
        run_state_machine_as_test(
            cast(Any, begin),
            settings=settings(max_examples=16, stateful_step_count=60, deadline=None),
        )
        enough = ("hits", "interludes", "paused, rows gone", "resumed", "resumed, one lane")
        if seen["step"] > 300 and all(seen[each] for each in enough):
            return
    pytest.fail(f"too little happened: {seen}")
