"""The worker's options reach the memory of prompts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from pippin.core.worker import WorkerOptions
from pippin.memory.disk import DiskTier
from pippin.memory.planes import Snapshot
from pippin.memory.prompts import PromptMemory
from pippin.worker.engine_maker import _memory
from tests.memory.stored import MIB, files

MEMORY_BYTES = 1000 * MIB
Make = Callable[..., PromptMemory]


@pytest.fixture
def memory_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes the memory of a worker that is started with these options."""
    made: list[PromptMemory] = []

    def make(**given: Any) -> PromptMemory:
        options = WorkerOptions(cache_dir=str(tmp_path), **given)
        memory = _memory(options, b"a model", False, MEMORY_BYTES, lambda: None)
        assert memory is not None
        made.append(memory)
        return memory

    monkeypatch.setattr(DiskTier.__init__, "__kwdefaults__", small_disks_too())
    yield make
    for memory in made:
        memory.close(0)


def small_disks_too() -> dict[str, object]:
    """Records are written however little the disk of this machine has left."""
    return {**(DiskTier.__init__.__kwdefaults__ or {}), "min_free_bytes": 0}


def remember(memory: PromptMemory, token: int, length: int = 200) -> None:
    def take(low: int, high: int) -> Snapshot:
        return Snapshot((mx.ones((1, high - low, 16)),))

    memory.remember(memory.text("", [token] * length), take)


def known(memory: PromptMemory, token: int) -> int:
    return memory.known(memory.text("", [token] * 200), 200)


@pytest.mark.parametrize(("rate", "written"), [(10 * MIB, 3), (100, 1), (0, 0)])
def test_the_write_rate(memory_with: Make, tmp_path: Path, rate: int, written: int) -> None:
    """What the first record overdraws is not earned again within minutes."""
    memory = memory_with(cache_disk=100 * MIB, cache_write_rate=rate)
    for token in range(3):
        remember(memory, token)
    while memory.save_some(MIB):
        continue
    memory.close(10)
    assert len(files(tmp_path)) == written


def test_the_sizes(memory_with: Make) -> None:
    figures = memory_with(cache_disk=12345).figures
    assert (figures.ram_budget_bytes, figures.disk_budget_bytes) == (MEMORY_BYTES // 2, 12345)
    figures = memory_with(cache_ram=1234).figures
    assert (figures.ram_budget_bytes, figures.disk_enabled) == (1234, False)
    assert memory_with(cache_ram=2 * MEMORY_BYTES).ram_bytes == MEMORY_BYTES


def test_nothing_is_remembered_without_ram(tmp_path: Path) -> None:
    options = WorkerOptions(cache_dir=str(tmp_path), cache_disk=MIB, cache_ram=0)
    assert _memory(options, b"a model", False, MEMORY_BYTES, lambda: None) is None
    assert list(tmp_path.iterdir()) == []


def test_the_fewest_tokens(memory_with: Make) -> None:
    memory = memory_with(cache_min_tokens=100)
    remember(memory, 1, length=99)
    remember(memory, 2, length=100)
    assert (known(memory, 1), known(memory, 2)) == (0, 100)


def test_the_slots(memory_with: Make) -> None:
    memory = memory_with(cache_slots=2)
    for token in range(3):
        remember(memory, token)
    assert [known(memory, token) for token in range(3)] == [0, 200, 200]
