"""Who is prefilled next, and how much of it; and who must give way.

1. A job has a level: 0 (interactive), 1 (agent), 2 (batch), and one better for every ``AGEING_S``
   seconds since it arrived. Better levels come first: they begin first, and where no lane or no
   job more may run they pause lanes of worse levels.
2. Within a level: whose tenant was served the fewest tokens; then, what has the fewest tokens left
   to compute; then, what arrived first. But of every ``TURN`` chunks' worth of tokens one
   goes to what arrived first, so that a long prompt gets on among short ones.
3. A job begins if there are free lanes for all its choices, and bytes for its prompt and
   ``RESERVE`` tokens more for each, beside all that the others were promised. At most
   ``MAX_BEGUN`` long prompts of its own level or better may be under way. Alone, a job always
   begins.
4. A large job is passed by small ones for ``PATIENCE_S`` seconds. Then nobody of its level or a
   worse one begins before it does, so that the lanes that end leave their room to it: at the
   latest when all that runs now has ended. One job at a time is waited for in this way.
5. Short fresh prompts of like length are prefilled together.

However many wait, only the first ``LOOKAHEAD`` are asked whether there is room for them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from math import inf

from pippin.core.request import Priority
from pippin.engine.lane import Job, Lane
from pippin.engine.scheduling.giving_way import Pause, make_way, over_budget, rows_in_the_way
from pippin.engine.scheduling.line import Line
from pippin.engine.scheduling.order import RANKS, Order
from pippin.engine.scheduling.room import Limits, Room
from pippin.engine.scheduling.work import Chunk, Prefill, Work

GROUP_LOOKAHEAD = 64
"""Waiting jobs that are looked at for company of the first."""
LOOKAHEAD = 64
MIN_FILL = 0.75
"""A prompt shorter than this share of the group's longest would waste too much padding."""
TURN = 4
MAX_BEGUN = 4
PATIENCE_S = 5.0


class Scheduler:
    """The queue of one engine. Owned by it, used on its thread only."""

    def __init__(
        self,
        *,
        step_tokens: int,
        max_lanes: int,
        can_group: bool,
        lane_bytes: Callable[[int], int],
        budget_bytes: int | None,
        begin: Callable[[Prefill], int],
        max_jobs: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``step_tokens``: of one chunk, at most. ``lane_bytes(n)``: bytes of one lane that holds
        n tokens. ``budget_bytes``: of all rows together; ``None``: no bound. ``max_jobs``: jobs
        that run (decode or are being prefilled) at once. ``begin(prefill)`` is called once when a
        prefill is taken up, unless its rows were kept; it restores what is remembered of the
        text, says how many tokens that are, and raises nothing."""
        self._step_tokens = step_tokens
        self._can_group = can_group
        self._limits = Limits(max_lanes, max_jobs, budget_bytes, lane_bytes)
        self._take_up = begin
        self._clock = clock
        self._waiting: dict[tuple[int, int | None], Prefill] = {}
        self._begun: dict[tuple[int, int | None], Prefill] = {}
        self._order = Order(clock())
        self._line = Line(self._order)
        """All that wait, in order."""
        self._tokens = 0

    # -- coming and going ------------------------------------------------------------------------

    def submit(self, job: Job, known: int = 0) -> None:
        """``known``: tokens that the memory of prompts has now, a hint for the order."""
        job = replace(job, arrived=self._clock())
        lane = Lane(job, job.open_choices[0]) if job.goes_on else None
        self._enter(Prefill(job, lane, known=known))

    def pause(self, lane: Lane, *, kept: bool) -> Prefill:
        """Put a lane that no longer decodes back into the queue. ``kept``: its rows wait with the
        prefiller; otherwise its text is prefilled anew but for what is remembered of it."""
        return self.resume(lane, lane.cached if kept else 0)

    def resume(self, lane: Lane, done: int) -> Prefill:
        """Put a lane into the queue whose rows wait with the prefiller, and hold so many of its
        tokens; none: there are no rows."""
        prefill = Prefill(lane.job, lane, done=done, kept=done > 0)
        self._enter(prefill)
        return prefill

    def cancel(self, job_id: int, index: int | None = None) -> list[Prefill]:
        """Forget a job, or one paused lane of it. Returns what was forgotten."""
        of_job = [each for each in self._all() if each.job.id == job_id]
        gone = [each for each in of_job if index is None or each.id == (job_id, index)]
        for prefill in gone:
            self._forget(prefill)
        return gone

    def overdue(self, timeout_s: float | None) -> list[Job]:
        """Forget the jobs that have waited longer and not begun, here or elsewhere. Returns
        them."""
        if timeout_s is None:
            return []
        latest = self._clock() - timeout_s
        waiting = self._waiting.values()
        fresh = [each for each in waiting if not each.lane and not each.job.resumed]
        late = [each for each in fresh if each.job.arrived < latest]
        for prefill in late:
            self._forget(prefill)
        return [prefill.job for prefill in late]

    def served(self, tenant: str, tokens: int) -> None:
        """Count generated tokens; those of chunks are counted by ``plan``."""
        self._order.shares.add(tenant, tokens)

    def _enter(self, prefill: Prefill) -> None:
        self._waiting[prefill.id] = prefill
        self._order.shares.enter(prefill.job.tenant)
        self._line.grow_older(self._clock())
        self._line.enter(prefill)

    def _leave(self, prefill: Prefill) -> None:
        if prefill.begun:
            del self._begun[prefill.id]
        else:
            del self._waiting[prefill.id]
            self._line.leave(prefill)

    def _forget(self, prefill: Prefill) -> None:
        self._leave(prefill)
        if self._order.awaited is prefill:
            self._order.awaited = None

    # -- giving way ------------------------------------------------------------------------------

    def reclaim(self, lanes: Sequence[Lane], used_bytes: int) -> list[Prefill]:
        """Prefills whose rows must go: the caller drops them, and they start over.

        That is so when the bytes are over the budget, and for rows of paused lanes that leave no
        room to a job of a better level. To be asked for before ``victims``.
        """
        gone = [w for w in self._over_budget(lanes, used_bytes) if isinstance(w, Prefill)]
        if not gone and (first := self._first()):
            room = self._room(lanes, used_bytes)
            gone = rows_in_the_way(first, self._waiting.values(), room, self._order)
        for prefill in gone:
            self._leave(prefill)
            prefill.begun = prefill.kept = False
            prefill.done = prefill.known = 0
            self._enter(prefill)
        return gone

    def victims(self, lanes: Sequence[Lane], used_bytes: int) -> list[Pause]:
        """Lanes that must pause before this step, and whether their rows may be kept.

        Either the bytes are over the budget: then the worst lanes pause, never the last one, and
        their rows go. Or a job of a better level finds no room.
        """
        leaving = self._over_budget(lanes, used_bytes)
        if leaving:
            return [(work, False) for work in leaving if isinstance(work, Lane)]
        first = self._first()
        if first is None:
            return []
        return make_way(first, lanes, self._room(lanes, used_bytes), self._order.now)

    def _over_budget(self, lanes: Sequence[Lane], used_bytes: int) -> list[Work]:
        self._line.grow_older(self._clock())
        return over_budget(self._limits, lanes, self._all(), used_bytes, self._order.now)

    def _first(self) -> Prefill | None:
        """The first of those that lack nothing but room, if anything."""
        return next(filter(self._may_begin, self._line.by_rank(self._longest)), None)

    # -- the plan of a step ----------------------------------------------------------------------

    def plan(self, lanes: Sequence[Lane], used_bytes: int, budget: int) -> Iterator[Chunk]:
        """The chunks of this step: ``budget`` prompt tokens, padding counted. ``lanes``: all that
        decode. ``used_bytes``: of all rows, decoding or not. The caller runs each chunk before it
        asks for the next, and the scheduler counts it as done."""
        self._line.grow_older(self._clock())
        present: list[Work] = [*lanes, *self._all()]
        self._order.shares.keep({work.job.tenant for work in present})
        room = self._room(lanes, used_bytes)
        while budget > 0 and (prefill := self._next(room)):
            chunk = self._chunk(prefill, budget, room)
            self._count(chunk)
            budget -= max(1, chunk.length * len(chunk.prefills))
            yield chunk

    def _next(self, room: Room) -> Prefill | None:
        by_age = self._tokens // self._step_tokens % TURN == TURN - 1
        rank = self._order.rank_by_age if by_age else self._order.rank
        while startable := [*self._begun.values(), *self._first_with_room(room, by_age=by_age)]:
            prefill = min(startable, key=rank)
            if prefill.begun:
                return prefill
            if not self._passes_another(prefill, room):
                self._begin(prefill, room)
                return prefill
        return None

    def _first_with_room(self, room: Room, *, by_age: bool) -> list[Prefill]:
        """One or none. If none of the oldest may begin, another one may."""
        oldest = islice(self._line.by_age() if by_age else (), LOOKAHEAD)
        first = islice(self._line.by_rank(self._longest), LOOKAHEAD)
        fitting = (each for each in chain(oldest, first) if self._startable(each, room))
        return list(islice(fitting, 1))

    def _startable(self, prefill: Prefill, room: Room) -> bool:
        return room.fits(prefill) and self._may_begin(prefill)

    def _may_begin(self, prefill: Prefill) -> bool:
        """Whether one that stands in line lacks nothing, or nothing but room."""
        return prefill.expected <= self._longest(self._order.level(prefill))

    def _longest(self, level: int) -> float:
        """Tokens that a prompt of this level may be about to compute, to begin now."""
        levels = [self._order.level(each) for each in self._begun.values()]
        long = sum(each <= level for each in levels) >= MAX_BEGUN
        return self._step_tokens if long else inf

    def _passes_another(self, prefill: Prefill, room: Room) -> bool:
        """Whether one that has lost patience finds no room where this one would begin: then that
        one is waited for."""
        oldest = next(self._line.by_age())
        late = self._order.now - oldest.job.arrived >= PATIENCE_S
        if oldest is prefill or not late or room.fits(oldest):
            return False
        self._order.awaited = oldest
        return True

    def _begin(self, prefill: Prefill, room: Room) -> None:
        room.take(prefill)
        self._leave(prefill)
        prefill.begun = True
        self._begun[prefill.id] = prefill
        if self._order.awaited is prefill:
            self._order.awaited = None
        if not prefill.kept:
            prefill.done = self._take_up(prefill)

    def _count(self, chunk: Chunk) -> None:
        self._tokens += chunk.length
        for prefill in chunk.prefills:
            tokens = min(chunk.length, prefill.remaining)
            prefill.done += tokens
            self._order.shares.add(prefill.job.tenant, tokens)
            if not prefill.remaining:
                self._forget(prefill)

    # -- chunks ----------------------------------------------------------------------------------

    def _chunk(self, prefill: Prefill, budget: int, room: Room) -> Chunk:
        length = min(prefill.remaining, budget, self._step_tokens)
        if not (self._can_group and length and length == prefill.total and prefill.plain):
            return Chunk((prefill,), length)
        group = self._group(prefill, budget, room)
        return Chunk(group, max(each.total for each in group))

    def _group(self, first: Prefill, budget: int, room: Room) -> tuple[Prefill, ...]:
        """Waiting jobs of like level and length that fit into the budget, padding counted."""
        group = [first]
        for prefill in self._company(first):
            totals = [each.total for each in (*group, prefill)]
            longest = max(totals)
            alike = longest <= self._step_tokens and min(totals) >= MIN_FILL * longest
            if alike and longest * len(totals) <= budget and self._startable(prefill, room):
                self._begin(prefill, room)
                if prefill.done == 0:
                    group.append(prefill)
        return tuple(group)

    def _company(self, first: Prefill) -> list[Prefill]:
        level = self._order.level(first)
        line = self._line.by_rank(lambda each: self._step_tokens if each == level else -1)
        return list(islice((p for p in line if p.plain and not p.known), GROUP_LOOKAHEAD))

    # -- figures ---------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Jobs that have not begun, and lanes that are paused."""
        return len(self._waiting)

    @property
    def prefilling(self) -> int:
        return len(self._begun)

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._begun)

    @property
    def waiting_by_priority(self) -> dict[Priority, int]:
        waiting = [prefill.job.priority for prefill in self._waiting.values()]
        return {priority: waiting.count(priority) for priority in RANKS}

    def _all(self) -> list[Prefill]:
        return [*self._begun.values(), *self._waiting.values()]

    def _room(self, lanes: Sequence[Lane], used_bytes: int) -> Room:
        return self._limits.room(lanes, self._begun.values(), used_bytes)
