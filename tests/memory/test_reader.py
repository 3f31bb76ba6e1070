"""Reading ahead: every wish is answered once, and what waits to be taken is bounded."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from pippin.memory.reader import Reader, Wish
from pippin.memory.records import StoredRun, Tokens
from pippin.memory.text import Text
from tests.memory.stored import FIRST, PATIENCE_S, ROOT


class SlowDisk:
    """Gives the one run, each time when it is allowed to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answers = threading.Semaphore(0)
        self.is_broken = False

    def read(
        self, tokens: Tokens, keys: Sequence[bytes], limit: int, held: int, max_bytes: int
    ) -> list[StoredRun]:
        self.asked.release()
        assert self.answers.acquire(timeout=PATIENCE_S)
        if self.is_broken:
            raise OSError("planted failure")
        assert (len(tokens), len(keys), limit, held, max_bytes) == (64, 3, 63, 32, 1000)
        return [FIRST]


class Desk:
    """A reader of a slow disk."""

    def __init__(self) -> None:
        self.disk = SlowDisk()
        self.read = threading.Semaphore(0)
        self.reader = Reader(cast(Any, self.disk), self.read.release)

    def begin(self, *ids: int) -> None:
        text = Text.of(ROOT, np.asarray(FIRST.tokens).tolist())
        for id in ids:
            self.reader.begin(Wish(id, text, 63, 32, 1000))

    def taken(self) -> list[tuple[int, list[StoredRun]]]:
        return [(wish.id, runs) for wish, runs in self.reader.taken()]


@pytest.fixture
def desk() -> Any:
    desk = Desk()
    yield desk
    desk.disk.answers.release(100)
    desk.reader.close()


def test_wishes_are_answered_in_turn(desk: Desk) -> None:
    desk.begin(1, 2)
    assert desk.disk.asked.acquire(timeout=PATIENCE_S)
    assert desk.taken() == []
    desk.disk.answers.release(2)
    for _ in range(2):
        assert desk.read.acquire(timeout=PATIENCE_S)
    assert desk.reader.nbytes == 2 * FIRST.nbytes
    assert desk.taken() == [(1, [FIRST]), (2, [FIRST])]
    assert desk.reader.nbytes == 0
    assert desk.taken() == []


def test_a_disk_that_fails_gives_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.disk.is_broken = True
    desk.disk.answers.release()
    desk.begin(1)
    assert desk.read.acquire(timeout=PATIENCE_S)
    assert desk.taken() == [(1, [])]
    assert "could not be read" in caplog.text


def test_no_more_is_read_ahead_than_may_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pippin.memory.reader.AHEAD_BYTES", FIRST.nbytes + 1)
    desk.disk.answers.release(3)
    desk.begin(1, 2, 3)
    for _ in range(2):
        assert desk.read.acquire(timeout=PATIENCE_S)
    assert not desk.read.acquire(timeout=0.2)  # two wait: the third is not read
    assert next(desk.reader.taken())[0].id == 1
    assert desk.read.acquire(timeout=PATIENCE_S)
    assert [id for id, _ in desk.taken()] == [2, 3]


def test_who_waits_for_room_ends_with_the_reader(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pippin.memory.reader.AHEAD_BYTES", 1)
    desk.disk.answers.release(2)
    desk.begin(1, 2)
    assert desk.read.acquire(timeout=PATIENCE_S)
    desk.reader.close()
    desk.reader._thread.shutdown(wait=True)
