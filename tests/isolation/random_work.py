"""A server's life: work of all kinds comes and goes, memory and time are short, the disk is sick,
the model fails."""

import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pippin.engine.engine import Engine
from pippin.engine.lane import Job, Output
from pippin.memory.prompts import PromptMemory, Text
from tests.isolation.faulty_disk import FaultyDisk, Mood
from tests.isolation.hashing import VOCAB, HashingModel, Kind, Truth
from tests.isolation.ledger import Ledger
from tests.isolation.server import PATIENCE_S, PLENTY, House, Server

LONGEST_PROMPT = 400
MOST_STEPS = 5000


@dataclass(frozen=True)
class Means:
    """What a server has. ``lanes_bytes``: for so many lanes of 256 tokens."""

    slots: int | None
    ram_tokens: int
    max_lanes: int
    max_jobs: int | None
    lanes_bytes: float
    queue_timeout_s: float | None
    seed: int


class Whim:
    """In place of the measured pace: as many prompt tokens a step as chance will have it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def budget(self, decoding: int, waiting: int) -> int:
        return self._random.choice([0 if decoding else 1, 5, 24, 48, 150])

    def patience(self, decoding: int, waiting: int) -> float | None:
        return self._random.choice([None, 0.0])

    def observe(self, seconds: float, decoding: int, prefilled: int) -> None:
        pass


class CountedMemory(PromptMemory):
    """Knows how many answers of the disk are awaited, late jobs' and cancelled ones' too."""

    awaited = 0

    def fetch(self, job_id: int, text: Text, limit: int) -> bool:
        asked = super().fetch(job_id, text, limit)
        self.awaited += asked
        return asked


@cache
def house(kind: Kind) -> House:
    return House(HashingModel(kind), VOCAB)


class Life:
    """One folder, one clock, one model, and one server after the other. ``seen`` counts what has
    happened in all lives."""

    def __init__(self, kind: Kind, means: Means, folder: Path, seen: Counter[str]) -> None:
        self.house = house(kind)
        self.means = means
        self.folder = folder
        self.seen = seen
        self.now = 1000.0
        self.is_sound = True
        """No step has broken a promise."""
        self.ledger = Ledger(Truth(kind))
        self.model.fail_at = self.model.poison_at = None
        self.start()

    @property
    def model(self) -> HashingModel:
        assert isinstance(self.house.model, HashingModel)
        return self.house.model

    @property
    def engine(self) -> Engine:
        return self.server.engine

    # -- servers ---------------------------------------------------------------------------------

    def start(self) -> None:
        self.disk = FaultyDisk(
            self.folder,
            fingerprint=self.house.fingerprint,
            needs_state=self.house.needs_state,
            budget_bytes=PLENTY,
            write_bytes_per_s=PLENTY,
            min_free_bytes=0,
            clock=lambda: self.now,
        )
        self.disk.start()
        self.answers = 0
        self.memory = CountedMemory(
            fingerprint=self.house.fingerprint,
            needs_state=self.house.needs_state,
            ram_bytes=self.means.ram_tokens * self.house.lane_cost(256) // 256,
            slots=self.means.slots,
            disk=self.disk,
            on_fetched=self._answered,
        )
        engine = self.house.engine(
            self.memory,
            clock=lambda: self.now,
            max_lanes=self.means.max_lanes,
            max_jobs=self.means.max_jobs,
            memory_bytes=self._bytes(self.means.lanes_bytes),
            queue_timeout_s=self.means.queue_timeout_s,
        )
        engine._pace = Whim(self.means.seed)  # type: ignore[assignment]
        self.server = Server(engine, self.memory, self.disk)
        nothing = self.memory.text("", ())
        self.disk.read(nothing.tokens, nothing.keys, 0, 0)  # so the folder has been looked at

    def restart(self) -> None:
        """In the middle of everything: what was under way is not answered."""
        self.seen["restarted"] += 1
        self.stop()
        for job_id in list(self.ledger.open):
            self.ledger.cancel(job_id)
        self.start()

    def resume(self, again: int) -> None:
        """As if the server had died and another one goes on; ``again``: as of the ledger."""
        self.stop()
        self.start()
        for job_id, told in self.ledger.open.items():
            job = self.ledger.resume(job_id, again)
            self.seen["resumed, one lane" if job.goes_on else "resumed"] += bool(job.resumed)
            self.server.submit(job, salt=told.salt)

    def stop(self) -> None:
        self._note()
        self.disk.mood = "well"
        self._settle()
        self.engine.close(flush_s=30.0)

    def _bytes(self, lanes: float) -> int:
        return int(lanes * self.house.lane_cost(256))

    def _answered(self) -> None:
        """On the thread that reads."""
        self.answers += 1

    # -- what happens ----------------------------------------------------------------------------

    def submit(self, job: Job, salt: str) -> None:
        self.ledger.ask(job, salt)
        self.server.submit(job, salt=salt)
        self.seen["fetching"] += self.engine.fetching

    def cancel(self, job_id: int, index: int | None = None) -> None:
        for id, phase in self.server.phases.items():
            if job_id in (id, id[0] if isinstance(id, tuple) else None):
                self.seen[f"cancelled, {phase}"] += 1
        self.engine.cancel(job_id, index)
        self.ledger.cancel(job_id, index)

    def step(self) -> None:
        self._settle()
        self.is_sound = False
        outputs: list[Output] = []
        last = self.engine.step(outputs.extend)
        outputs += last
        self.seen["interludes"] += self.engine._interludes.seconds > 0
        self.seen.update(["step", *self.server.phases.values()])
        self.seen.update(type(each).__name__ for each in outputs)
        self.ledger.take(outputs)
        if self.engine.idle and not self.engine.fetching:
            self.check()
        self.is_sound = True

    def check(self) -> None:
        """Nothing is left to do: every job has ended, and nothing of it is held."""
        assert not self.ledger.open
        self.engine.check_integrity()
        planted = (self.model.fail_at, self.model.poison_at)
        self.ledger.may_fail = any(call and call > self.model.calls for call in planted)
        self.seen["at rest"] += 1

    def rest(self) -> None:
        """Until nothing is left to do."""
        self.disk.mood = "well"
        for _ in range(MOST_STEPS):
            if self.engine.idle and not self.engine.fetching:
                return
            self.step()
        raise AssertionError("the engine never became idle")

    def tidy(self) -> None:
        """A calm moment."""
        while self.engine.tidy():
            continue
        self._wait_until_written()

    def limit(self, lanes: float) -> None:
        """Other memory than at the start."""
        self.engine.memory_bytes = self._bytes(lanes)
        scheduler = self.engine._scheduler
        limits = replace(scheduler._limits, budget_bytes=self.engine.memory_bytes)
        scheduler._limits = limits

    def sicken(self, mood: Mood) -> None:
        self.disk.mood = mood
        self._settle()

    def damage_a_record(self, pick: int) -> None:
        """One byte of it."""
        self._wait_until_written()
        records = sorted(self.folder.rglob("*.run"))
        if records:
            path = records[pick % len(records)]
            data = bytearray(path.read_bytes())
            data[pick % len(data)] ^= 0x40
            path.write_bytes(data)
            self.seen["damaged"] += 1

    def forget(self) -> None:
        self._settle()
        self.memory.clear().result(PATIENCE_S)
        self.ledger.forget()

    def lose_the_folder(self) -> None:
        self._wait_until_written()
        shutil.rmtree(self.folder, ignore_errors=True)

    def plant(self, calls: int, *, poison: bool) -> None:
        """A failure of the model."""
        self.ledger.may_fail = True
        at = self.model.calls + calls
        if poison:
            self.model.poison_at = at
        else:
            self.model.fail_at = at

    def _settle(self) -> None:
        """Wait for the disk, unless it is late: so that a life can be lived again."""
        while self.disk.mood != "late" and self.answers < self.memory.awaited:
            time.sleep(0.0005)
        self._wait_until_written()

    def _wait_until_written(self) -> None:
        while self.disk.queued_bytes:
            time.sleep(0.0005)

    def _note(self) -> None:
        figures = self.engine.figures
        for what in ("hits", "disk_hits", "evicted_runs", "written_bytes", "bad_records"):
            self.seen[what] += getattr(figures, what)
