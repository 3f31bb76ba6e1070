"""What the operator set is what the worker reads: the two sides share one record."""

from pathlib import Path

import pytest

from pippin.core.sampling import SamplingDefaults
from pippin.core.worker import Quantisation, WorkerOptions
from pippin.fleet.process import worker_arguments, worker_options
from pippin.settings import Settings
from pippin.worker.options import CommandLine


def read(settings: Settings) -> WorkerOptions:
    told = worker_options(settings, "name", "org/model")
    line = CommandLine.parse(worker_arguments(told, Path("/run/socket")))
    assert (line.socket, line.probe) == ("/run/socket", False)
    return line.options


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
        "quantize": "q3",
        "group_size": 32,
        "adapters": {"a": "/a/b"},
        "default_adapter": "a",
        "chat_format": "chatml",
        "context_length": 15,
        "temperature": 0.5,
        "top_k": 16,
        "max_tokens": 17,
    }
    assert read(Settings.model_validate(settings)) == WorkerOptions(
        name="name",
        model="org/model",
        log_level="debug",
        blas_threads=3,
        keep_dtype=True,
        prefill_budget=129,
        max_lanes=5,
        max_concurrency=6,
        queue_timeout_s=7.5,
        stall_timeout_s=8.5,
        memory=9 << 20,
        cache_ram=10 << 20,
        cache_disk=11 << 20,
        cache_dir="/a/folder",
        cache_write_rate=12345,
        cache_min_tokens=13,
        cache_slots=14,
        kv_bits=8,
        tool_parser="mistral",
        quantise=Quantisation(bits=3, group_size=32),
        adapters={"a": "/a/b"},
        default_adapter="a",
        chat_format="chatml",
        context_length=15,
        defaults=SamplingDefaults(temperature=0.5, top_k=16, max_tokens=17),
    )


@pytest.mark.parametrize("given", [{}, {"cache_ram": 0}])
def test_zero_is_not_the_same_as_nothing_given(given: dict[str, int]) -> None:
    assert read(Settings.model_validate(given)).cache_ram == given.get("cache_ram", -1)
