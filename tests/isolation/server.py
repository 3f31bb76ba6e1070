"""An engine with a memory of prompts, as a worker would have it, and what it must say."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pippin.engine.costs import LaneCost, lane_cost
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.probe import Sharing, probe
from pippin.engine.rows import CacheMaker, Model, cannot_be_cut
from pippin.memory.disk import DiskTier
from pippin.memory.prompts import PromptMemory
from tests.engine.driver import LaneId, Transcript, run
from tests.isolation.faulty_disk import FaultyDisk

PLENTY = 1 << 30
PATIENCE_S = 60.0

WorkId = int | tuple[int, int | None]


class Server:
    """An engine, its memory, and all that it ever put out. Ends the memory's threads with it."""

    def __init__(
        self, engine: Engine, memory: PromptMemory | None, disk: FaultyDisk | None = None
    ) -> None:
        self.engine = engine
        self.memory = memory
        self._disk = disk
        self.said = Transcript()
        self.steps = 0

    @property
    def disk(self) -> FaultyDisk:
        assert self._disk
        return self._disk

    def submit(self, *jobs: Job, salt: str = "") -> None:
        for job in jobs:
            text = self.memory.text(salt, job.prompt) if self.memory else None
            self.engine.submit(replace(job, text=job.text or text))

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.steps += 1
            self.said.take(self.engine.step())

    def step_until(self, happened: Callable[[], bool]) -> None:
        """Steps, and waits for the disk between them."""
        until = time.monotonic() + PATIENCE_S
        while not happened():
            self.step()
            if self.engine.idle:
                time.sleep(0.001)
            if time.monotonic() > until:
                raise AssertionError("it never happened")

    def finish(self) -> Transcript:
        """Until nothing is left to do; then the books must balance."""
        self.step_until(lambda: self.engine.idle and not self.engine.fetching)
        self.engine.check_integrity()
        return self.said

    def ask(self, *jobs: Job, salt: str = "") -> dict[LaneId, list[int]]:
        """What these jobs are answered, together."""
        self.submit(*jobs, salt=salt)
        self.finish()
        ids = {job.id for job in jobs}
        return {lane: tokens for lane, tokens in self.said.tokens.items() if lane[0] in ids}

    @property
    def phases(self) -> dict[WorkId, str]:
        """Where each job or lane is now."""
        scheduler = self.engine._scheduler
        phases: dict[WorkId, str] = dict.fromkeys(self.engine._fetching, "fetching")
        for each in scheduler._waiting.values():
            rows = "rows kept" if each.kept else "rows gone"
            phases[each.id] = f"paused, {rows}" if each.lane else "waiting"
        phases |= dict.fromkeys((each.id for each in scheduler._begun.values()), "prefill")
        return phases | dict.fromkeys((each.id for each in self.engine._decoder.lanes), "decoding")

    def cached(self, job: Job) -> int:
        """Tokens of its prompt that needed not be computed."""
        return self.said.begun[job.id].cached


class House:
    """A model, and servers of it that remember or do not."""

    def __init__(self, model: Any, vocab_size: int, kv_bits: int | None = None) -> None:
        self.model: Model = model
        self.vocab_size = vocab_size
        self.kv_bits = kv_bits
        self.make = CacheMaker(self.model, kv_bits)
        self.sharing: Sharing = probe(self.model, self.make, vocab_size)
        self.lane_cost: LaneCost = lane_cost(self.model, self.make)
        self.needs_state = cannot_be_cut(self.make)
        self.fingerprint = sha256(f"a model, {kv_bits}".encode()).digest()
        self._truth: dict[object, list[int]] = {}

    def engine(self, memory: PromptMemory | None = None, **options: Any) -> Engine:
        settings: dict[str, Any] = {"prefill_budget": 48, "memory_bytes": PLENTY, **options}
        return Engine(
            self.model,
            vocab_size=self.vocab_size,
            sharing=self.sharing,
            kv_bits=self.kv_bits,
            lane_cost=self.lane_cost,
            memory=memory,
            **settings,
        )

    def memory(
        self, disk: DiskTier | None = None, *, ram_bytes: int = PLENTY, slots: int | None = None
    ) -> PromptMemory:
        return PromptMemory(
            fingerprint=self.fingerprint,
            needs_state=self.needs_state,
            ram_bytes=ram_bytes,
            slots=slots,
            disk=disk,
        )

    def disk(self, folder: Path) -> FaultyDisk:
        """It is well as long as nobody makes it sick."""
        disk = FaultyDisk(
            folder,
            fingerprint=self.fingerprint,
            needs_state=self.needs_state,
            budget_bytes=PLENTY,
            write_bytes_per_s=PLENTY,
            min_free_bytes=0,
        )
        disk.start()
        return disk

    @contextmanager
    def serving(
        self,
        folder: Path | None = None,
        *,
        ram_bytes: int = PLENTY,
        slots: int | None = None,
        **options: Any,
    ) -> Iterator[Server]:
        """A server that remembers, on disk too if it has a folder; at the end it writes all."""
        disk = self.disk(folder) if folder else None
        memory = self.memory(disk, ram_bytes=ram_bytes, slots=slots)
        server = Server(self.engine(memory, **options), memory, disk)
        try:
            yield server
        finally:
            if disk:
                disk.mood = "well"
            server.engine.close(flush_s=30.0)

    def alone(self, *jobs: Job) -> dict[LaneId, list[int]]:
        """What each of them is answered by an engine that serves nobody else and remembers
        nothing: the truth."""
        return {
            (job.id, index): self._alone(job, index) for job in jobs for index in range(job.choices)
        }

    def _alone(self, job: Job, index: int) -> list[int]:
        key = (job.prompt, repr(job.sampling), job.max_tokens, job.eos, index)
        if key not in self._truth:
            one_by_one = run(self.engine(), [replace(job, text=None)]).tokens
            for (_, each), tokens in one_by_one.items():
                self._truth[(*key[:-1], each)] = tokens
        return self._truth[key]


def cancelled(
    truth: dict[LaneId, list[int]], said: dict[LaneId, list[int]], job_ids: Iterable[int]
) -> dict[LaneId, list[int]]:
    """The truth as far as it was told: jobs that were cancelled say the beginning of it."""
    cut = set(job_ids)
    return {
        lane: tokens[: len(said.get(lane, []))] if lane[0] in cut else tokens
        for lane, tokens in truth.items()
        if lane[0] not in cut or lane in said
    }
