"""Between cache rows and the memory of prompts: what is put back, and what is kept."""

import logging
from collections.abc import Callable
from typing import Any

from pippin.engine.lane import Begun, Job, Lane
from pippin.engine.leaves import Misfit, NoNumbers
from pippin.engine.rows import CacheRows
from pippin.engine.scheduling.work import Prefill
from pippin.memory.checkpoints import checkpoints
from pippin.memory.prompts import Explanation, PromptMemory, Text

log = logging.getLogger(__name__)

MIN_KEPT_EARLY = 256
"""New tokens of a prompt that are kept before its answer is complete: others may wait for them.
Fewer are kept once, together with the answer."""


class Recollection:
    """Owned by the engine. Without a memory it recalls and keeps nothing. Nothing that goes wrong
    in here costs an answer: what cannot be put back is computed."""

    def __init__(
        self,
        memory: PromptMemory | None,
        make: Callable[[], list[Any]],
        between: Callable[[], None] | None = None,
    ) -> None:
        """``between``: called now and then while a prompt is copied; others may be kept meanwhile.
        Never while a lane is, whose batch is at work."""
        self._memory = memory
        self._make = make
        self._between = between
        self._from_disk: set[int] = set()

    def known(self, job: Job) -> int:
        """Tokens that are remembered in RAM now of what is taken in first of it: a hint for the
        order."""
        text = job.first_text
        if self._memory is None or text is None:
            return 0
        return self._memory.known(text, len(text) - 1)

    def came_from_disk(self, job_id: int) -> None:
        """Remember for the explanation that a job had to wait for the disk, not in vain."""
        self._from_disk.add(job_id)

    def leave(self, job_id: int) -> None:
        """A job is over before it began, or after."""
        self._from_disk.discard(job_id)

    def begun(self, job: Job, cached: int) -> Begun:
        """What to say when a job begins. To be called after its ``recall``."""
        from_disk = job.id in self._from_disk
        self._from_disk.discard(job.id)
        return Begun(job.id, cached, self._explained(job, from_disk) if job.explain else None)

    def recall(self, prefill: Prefill) -> CacheRows | None:
        """The row of a prefill that begins, and ``prefill.done`` tokens in it, if some are
        remembered."""
        memory, job = self._memory, prefill.job
        if memory is None or job.text is None or job.score_prompt:
            return None
        text = _text(job.text, prefill)
        match = memory.recall(text, prefill.total)
        if match is None:
            return None
        parts = [
            (piece.run.payload, piece.low - piece.run.start, piece.high - piece.run.start)
            for piece in match.pieces
        ]
        try:
            rows = CacheRows.restored(self._make, parts, len(text) - match.length)
        except Misfit as error:
            log.warning("a remembered prompt is not used: %s", error)
            memory.forget(text)
            return None
        prefill.done = match.length
        return rows

    def stops(self, prefill: Prefill) -> tuple[int, ...]:
        """Lengths at which the prefill must pause, for its state to be kept."""
        job = prefill.job
        if self._memory is None or not self._memory.needs_state or job.text is None:
            return ()
        return checkpoints(job.text.tokens, job.turn_ends, prefill.done)

    def keep_prompt(self, prefill: Prefill, length: int, rows: CacheRows) -> None:
        """A prompt is in the cache, up to ``length``. ``rows`` holds this one sequence."""
        memory, job = self._memory, prefill.job
        if memory is None or job.text is None or prefill.lane is not None:
            return
        new = length - memory.known(job.text, length)
        if memory.needs_state or new >= MIN_KEPT_EARLY:
            self._keep(job.text.until(length), rows, 0, self._between)

    def keep_lane(self, lane: Lane, held: int, rows: CacheRows, row: int) -> None:
        """A lane leaves its batch; its row holds ``held`` of its tokens."""
        text = lane.job.text
        if self._memory is None or text is None:
            return
        self._keep(text.extended(lane.generated).until(held), rows, row)

    def forget(self, job: Job) -> None:
        """A job failed: what was remembered of its prompt may be why."""
        self._from_disk.discard(job.id)
        if self._memory is not None and job.text is not None:
            self._memory.forget(job.text)

    def _keep(
        self, text: Text, rows: CacheRows, row: int, between: Callable[[], None] | None = None
    ) -> None:
        if self._memory is None:
            return
        try:
            self._memory.remember(text, lambda low, high: rows.snapshot(row, low, high, between))
        except NoNumbers as error:
            log.warning("a prompt is not remembered: %s", error)
        except Exception:
            log.exception("a prompt could not be remembered")

    def _explained(self, job: Job, from_disk: bool) -> Explanation:
        if self._memory is None or job.text is None:
            return Explanation("none", 0, "off")
        if job.score_prompt:
            return Explanation("none", 0, "scored")
        return self._memory.explain(job.text, len(job.prompt) - 1, from_disk)


def _text(prompt: Text, prefill: Prefill) -> Text:
    """What the row is to hold: the prompt, or a paused lane's text so far."""
    return prompt.extended(prefill.lane.generated) if prefill.lane else prompt
