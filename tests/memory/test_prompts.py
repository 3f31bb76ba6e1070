"""The memory of prompts over both tiers: what is forgotten, what RAM may take, what is saved."""

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from pippin.memory.disk import DiskTier
from pippin.memory.planes import Snapshot, planes_of
from pippin.memory.prompts import PromptMemory, Text
from pippin.memory.records import StoredRun
from pippin.memory.saver import MIN_SAVED
from pippin.memory.tensors import Plane
from tests.memory.stored import (
    FINGERPRINT,
    PATIENCE_S,
    Gate,
    files,
    open_tier,
    wait_until_written,
)

TOKEN_BYTES = 64


def snapshot(low: int, high: int) -> Snapshot:
    array = mx.broadcast_to(mx.arange(low, high)[None, :, None], (1, high - low, TOKEN_BYTES // 4))
    return Snapshot((mx.contiguous(array),))


class Shop:
    """A memory with a disk. ``prompt(i)`` shares no beginning with the others."""

    def __init__(self, disk: DiskTier) -> None:
        self.disk = disk
        self.read = threading.Semaphore(0)
        self.memory = PromptMemory(
            fingerprint=FINGERPRINT,
            needs_state=False,
            ram_bytes=1 << 30,
            disk=disk,
            on_fetched=self.read.release,
        )

    def prompt(self, number: int, length: int = 200) -> Text:
        return self.memory.text("", [number] * length)

    def remember(self, *texts: Text) -> None:
        for text in texts:
            self.memory.remember(text, snapshot)

    def save(self) -> None:
        while self.memory.save_some(1 << 20):
            continue
        wait_until_written(self.disk)

    def known(self, text: Text) -> int:
        return self.memory.known(text, len(text))

    def fetched(self, text: Text) -> bool:
        """Whether the disk brought anything."""
        assert self.memory.fetch(1, text, len(text))
        assert self.read.acquire(timeout=PATIENCE_S)
        ((id, came),) = self.memory.fetched()
        assert id == 1
        return came


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[DiskTier]:
    with open_tier(tmp_path) as disk:
        disk._scanned.wait(PATIENCE_S)
        yield disk


@pytest.fixture
def shop(disk: DiskTier) -> Iterator[Shop]:
    shop = Shop(disk)
    yield shop
    shop.memory.close(0)


@pytest.fixture
def other(disk: DiskTier) -> Iterator[Shop]:
    """As after a restart: the same disk, and nothing in RAM."""
    other = Shop(disk)
    yield other
    other.memory.close(0)


def test_what_was_saved_comes_back(shop: Shop, other: Shop) -> None:
    text = shop.prompt(1)
    shop.remember(text)
    shop.save()
    assert other.known(text) == 0
    assert other.fetched(text)
    assert other.known(text) == 200
    (run,) = other.memory._ram
    assert mx.array_equal(run.payload.grown[0], snapshot(0, 200).grown[0])


# -- forgetting ----------------------------------------------------------------------------------


def test_nothing_of_before_is_left(shop: Shop, tmp_path: Path) -> None:
    """Neither what is in RAM, nor what is on disk, nor what waits to be saved."""
    shop.remember(shop.prompt(1))
    shop.save()
    shop.remember(shop.prompt(2))
    assert shop.memory.save_some(1)  # half-way
    shop.remember(shop.prompt(3))
    shop.memory.clear().result(PATIENCE_S)
    shop.save()
    assert files(tmp_path) == []
    for number in (1, 2, 3):
        text = shop.prompt(number)
        assert shop.known(text) == 0
        assert not shop.memory.fetch(1, text, len(text))
        assert shop.memory.explain(text, len(text), from_disk=False).reason == "unknown"


def test_what_is_read_while_it_is_forgotten_does_not_come_back(
    shop: Shop, disk: DiskTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shop.prompt(1)
    shop.remember(text)
    shop.save()
    shop.memory.limit_ram(0)
    shop.memory.limit_ram(1 << 30)
    read = disk.read

    def slowly(*given: Any) -> list[StoredRun]:
        runs = read(*given)
        assert runs
        gate()
        return runs

    gate = Gate(lambda: None)
    monkeypatch.setattr(disk, "read", slowly)
    assert shop.memory.fetch(7, text, len(text))
    assert gate.reached.wait(PATIENCE_S)
    shop.memory.clear().result(PATIENCE_S)
    gate.open.set()
    assert shop.read.acquire(timeout=PATIENCE_S)
    assert list(shop.memory.fetched()) == [(7, False)]  # the job is told, and goes on
    assert shop.known(text) == 0
    assert shop.memory.nbytes == 0


def test_what_was_sent_before_is_not_remembered_after(shop: Shop) -> None:
    """A request may be at work when all is forgotten, and end after that."""
    before = shop.prompt(1)
    shop.memory.clear()
    shop.remember(before, before.extended([5] * 100), before.until(100))
    assert shop.known(before) == 0
    after = shop.prompt(1)
    shop.remember(after)
    assert shop.known(after) == 200


def test_a_memory_without_a_disk_forgets_at_once() -> None:
    memory = PromptMemory(fingerprint=FINGERPRINT, needs_state=False, ram_bytes=1 << 20)
    text = memory.text("", [1] * 100)
    memory.remember(text, snapshot)
    assert memory.clear().done()
    assert memory.known(text, 100) == 0


# -- RAM -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["forgotten", "remembered", "left"])
def test_others_may_come_and_go_while_a_prompt_is_copied(fate: str) -> None:
    memory = PromptMemory(fingerprint=FINGERPRINT, needs_state=False, ram_bytes=1 << 20)
    first, whole = memory.text("", [1] * 100), memory.text("", [1] * 100 + [2] * 100)
    memory.remember(first, snapshot)

    def take(low: int, high: int) -> Snapshot:
        if fate == "forgotten":
            memory.forget(first)
        if fate == "remembered":
            memory.remember(whole, snapshot)
        memory.remember(memory.text("", [3] * 100), snapshot)
        return snapshot(low, high)

    memory.remember(whole, take)
    memory.check()
    assert memory.known(whole, 200) == (0 if fate == "forgotten" else 200)
    assert memory.figures.ram_runs == (1 if fate == "forgotten" else 3)


def test_no_more_is_read_than_ram_may_hold(
    shop: Shop, other: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a conversation of which the disk has more than that, as much as fits beside what RAM
    holds of it."""
    first = text = shop.prompt(1, 160)
    for _ in range(4):
        shop.remember(text)
        shop.save()
        text = text.extended([9] * 160)
    record = max(file.stat().st_size for file in files(tmp_path))
    read, found = other.disk.read, []

    def noted(*given: Any) -> list[StoredRun]:
        found.append(read(*given))
        return found[-1]

    monkeypatch.setattr(other.disk, "read", noted)
    other.memory.limit_ram(2 * record + 10)
    assert other.fetched(text)
    assert other.known(text) == 320
    other.memory.limit_ram(0)
    other.memory.limit_ram(2 * record + 10)
    other.remember(first)
    assert other.fetched(text)
    assert other.known(text) == 320
    assert [[run.start for run in runs] for runs in found] == [[0, 160], [160]]


def test_what_waits_to_be_saved_is_not_kept_alive(shop: Shop) -> None:
    shop.remember(shop.prompt(1), shop.prompt(2))
    runs = [weakref.ref(run) for run in shop.memory._ram]
    shop.memory.limit_ram(0)
    assert [run() for run in runs] == [None, None]


def test_a_run_that_has_to_go_half_saved_goes(shop: Shop, tmp_path: Path) -> None:
    shop.remember(shop.prompt(1))
    (run,) = map(weakref.ref, shop.memory._ram)
    assert shop.memory.save_some(1)
    shop.memory.limit_ram(0)
    assert not shop.memory.save_some(1 << 20)
    assert run() is None
    wait_until_written(shop.disk)
    assert files(tmp_path) == []


def test_bytes_on_their_way_to_the_disk_count(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = shop.prompt(1), shop.prompt(2)
    size = 200 * TOKEN_BYTES
    gate = Gate(shop.disk._shelf.put)
    monkeypatch.setattr(shop.disk._shelf, "put", gate)
    shop.remember(one, two)
    shop.memory.limit_ram(3 * size - 1)
    assert (shop.known(one), shop.known(two)) == (200, 200)
    while shop.memory.save_some(1 << 20):
        continue
    shop.memory.limit_ram(3 * size - 1)  # two wait to be written, and one has to go
    assert (shop.known(one), shop.known(two)) == (0, 0)
    gate.open.set()
    wait_until_written(shop.disk)


def test_bytes_that_were_read_count(shop: Shop) -> None:
    one, two = shop.prompt(1), shop.prompt(2)
    size = 200 * TOKEN_BYTES
    shop.remember(one)
    shop.save()
    shop.memory.limit_ram(0)
    shop.memory.limit_ram(2 * size - 1)
    shop.remember(two)
    assert shop.memory.fetch(1, one, len(one))
    assert shop.read.acquire(timeout=PATIENCE_S)
    shop.memory.limit_ram(2 * size - 1)
    assert shop.known(two) == 0  # it gave way to what comes
    assert list(shop.memory.fetched()) == [(1, True)]
    assert shop.known(one) == 200


# -- saving --------------------------------------------------------------------------------------


def test_what_another_server_wrote_is_not_saved_again(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shop.prompt(1)
    shop.remember(text)
    shop.save()
    made: list[Snapshot] = []

    def planes(payload: Snapshot) -> Iterator[Plane]:
        made.append(payload)
        return planes_of(payload)

    monkeypatch.setattr("pippin.memory.saver.planes_of", planes)
    other.remember(text)
    other.save()
    other.remember(text.extended([3] * (MIN_SAVED - 40)))  # too little that is new
    other.save()
    assert made == []
    other.remember(text.extended([3] * MIN_SAVED))
    other.save()
    starts = [int(payload.grown[0][0, 0, 0]) for payload in made]
    assert starts == [192, 288]


def test_what_vanished_from_the_disk_is_saved_again(
    shop: Shop, other: Shop, tmp_path: Path
) -> None:
    """Else what comes behind it could not be found after a restart."""
    text = shop.prompt(1)
    shop.remember(text)
    shop.save()
    for file in files(tmp_path):
        file.unlink()
    shop.disk._shelf.look()
    shop.remember(text.extended([3] * 40))
    shop.save()
    assert other.fetched(text.extended([3] * 40))
    assert other.known(text.extended([3] * 40)) == 240
