"""The watchdog ends a worker whose engine has work and gets nowhere, and no other."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pippin.engine.lane import Deliver, Job, Output
from pippin.worker.engine_thread import EngineThread
from pippin.worker.watchdog import LOOKS, watch

PATIENCE_S = 0.2
"""A tenth of it is enough for the engine's thread to have its turn, on a busy machine, too."""
JOB = Job(id=1, prompt=(1,), max_tokens=1)


class MockEngine:
    """Its every step is ``act``. Jobs wait in it for ever. ``fetching``: for the disk."""

    def __init__(self, act: Callable[["MockEngine"], object], *, fetching: bool = False) -> None:
        self.progress = 0
        self.waiting = 0
        self.fetching = fetching
        self.over = threading.Event()
        self._act = act

    @property
    def idle(self) -> bool:
        return not self.waiting

    @property
    def load(self) -> tuple[int, int, int]:
        return 0, 0, self.waiting + self.fetching

    def submit(self, job: Job) -> None:
        self.waiting += 1

    def step(self, deliver: Deliver) -> list[Output]:
        if self.over.is_set():
            raise RuntimeError("the test is over")
        self._act(self)
        return []

    def tidy(self) -> bool:
        return False

    def check_integrity(self) -> None:
        pass


class Watched:
    """An engine thread that counts how often it was looked at."""

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread
        self.looks = 0

    @property
    def busy(self) -> bool:
        return self._thread.busy

    @property
    def progress(self) -> int:
        self.looks += 1
        return self._thread.progress

    async def until_looked(self, times: int, or_else: asyncio.Event) -> None:
        until = self.looks + times
        while self.looks < until and not or_else.is_set():
            await asyncio.sleep(PATIENCE_S / LOOKS)


class Case:
    """A thread with a mock engine, and the watchdog at work."""

    def __init__(self, engine: MockEngine, made: threading.Event) -> None:
        self.ended = threading.Event()
        self.stalled = asyncio.Event()

        def make() -> Any:
            made.wait()
            return engine

        self.thread = EngineThread(make, lambda outputs: None, self.ended.set)
        self.watched = Watched(self.thread)
        self.watchdog = asyncio.create_task(watch(self.watched, PATIENCE_S, self.stalled.set))

    async def stays_calm(self) -> None:
        await self.watched.until_looked(5 * LOOKS, or_else=self.stalled)
        assert not self.stalled.is_set()


@asynccontextmanager
async def case(engine: MockEngine, *, made: bool = True) -> AsyncIterator[Case]:
    """``made``: whether the engine is ever ready."""
    ready = threading.Event()
    if made:
        ready.set()
    here = Case(engine, ready)
    here.thread.start()
    try:
        yield here
    finally:
        engine.over.set()
        ready.set()
        here.thread.submit(JOB)
        await asyncio.to_thread(here.ended.wait)
        here.watchdog.cancel()


def stand_still(engine: MockEngine) -> None:
    engine.over.wait()


def turn(engine: MockEngine) -> None:
    engine.over.wait(PATIENCE_S / 100)


def get_on(engine: MockEngine) -> None:
    engine.progress += 1
    turn(engine)


@pytest.mark.anyio
@pytest.mark.parametrize("act", [stand_still, turn])
async def test_work_that_gets_nowhere_is_noticed(act: Callable[[MockEngine], None]) -> None:
    """Whether the loop still turns, or not."""
    async with case(MockEngine(act)) as here:
        here.thread.submit(JOB)
        await here.stalled.wait()


@pytest.mark.anyio
async def test_work_that_comes_while_the_engine_tidies_for_ever_is_noticed() -> None:
    class Tidying(MockEngine):
        def tidy(self) -> bool:
            return not self.over.wait()

    async with case(Tidying(get_on)) as here:
        await here.stays_calm()
        here.thread.submit(JOB)
        await here.stalled.wait()


@pytest.mark.anyio
async def test_work_that_gets_on_is_left_alone() -> None:
    async with case(MockEngine(get_on)) as here:
        here.thread.submit(JOB)
        await here.stays_calm()


@pytest.mark.anyio
@pytest.mark.parametrize("fetching", [False, True])
async def test_calm_is_no_stall(fetching: bool) -> None:
    """Nor is it one to wait for the disk, which has a patience of its own."""
    async with case(MockEngine(stand_still, fetching=fetching)) as here:
        await here.stays_calm()


@pytest.mark.anyio
async def test_a_long_load_is_no_stall() -> None:
    """A model compiles and proves itself before the engine is there."""
    async with case(MockEngine(stand_still), made=False) as here:
        await here.stays_calm()
