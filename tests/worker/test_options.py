"""What the operator set is what the worker reads: the two sides know each other by flags only."""

from pathlib import Path

import pytest

from pippin.fleet.process import worker_arguments
from pippin.settings import Settings
from pippin.worker.options import Options


def read(settings: Settings) -> Options:
    return Options.parse(worker_arguments(settings, "name", "org/model", Path("/run/socket")))


def test_every_setting_arrives() -> None:
    settings = {
        "log_level": "debug",
        "blas_threads": 3,
        "keep_dtype": True,
        "prefill_budget": 129,
        "max_lanes": 5,
        "max_concurrency": 6,
        "queue_timeout_s": 7.5,
        "stall_timeout_s": 8.5,
        "memory": 9 << 20,
        "cache_ram": 10 << 20,
        "cache_disk": 11 << 20,
        "cache_dir": "/a/folder",
        "cache_write_rate": 12345,
        "cache_min_tokens": 13,
        "cache_slots": 14,
        "kv_bits": 8,
        "tool_parser": "mistral",
    }
    assert read(Settings.model_validate(settings)) == Options(
        socket="/run/socket",
        name="name",
        model="org/model",
        log_level="debug",
        blas_threads=3,
        keep_dtype=True,
        prefill_budget=129,
        max_lanes=5,
        max_concurrency=6,
        queue_timeout=7.5,
        stall_timeout=8.5,
        memory=9 << 20,
        cache_ram=10 << 20,
        cache_disk=11 << 20,
        cache_dir="/a/folder",
        cache_write_rate=12345,
        cache_min_tokens=13,
        cache_slots=14,
        kv_bits=8,
        tool_parser="mistral",
        probe=False,
    )


@pytest.mark.parametrize("given", [{}, {"cache_ram": 0}])
def test_zero_is_not_the_same_as_nothing_given(given: dict[str, int]) -> None:
    assert read(Settings.model_validate(given)).cache_ram == given.get("cache_ram", -1)
