"""A worker of a GGUF model: what it says of it, what it refuses, and what it does not load."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pippin import demo
from pippin.core.sampling import SamplingDefaults
from pippin.core.worker import Quantisation, WorkerOptions
from pippin.models.errors import CannotLoad
from pippin.worker.gguf_runtime import CPU_LANES, ROOM
from pippin.worker.gguf_runtime import served as load
from pippin.worker.runtime import Served
from tests.formats.gguf_writer import ARRAY, STRING, entry, tensor, whole

PROGRAM = """
import sys
from pippin.core.worker import WorkerOptions
from pippin.worker import process
from pippin.worker.gguf_runtime import served
served(WorkerOptions(model="demo-gguf"), lambda *_: None, lambda: None)
print([name for name in ("mlx", "mlx_lm", "transformers", "torch") if name in sys.modules])
"""


def served(**options: Any) -> Served:
    asked = WorkerOptions(**{"model": "demo-gguf", **options})
    return load(asked, lambda *_: None, lambda: None)


def test_what_it_says() -> None:
    info = served().info
    assert (info.runtime, info.architecture, info.vocab_size) == ("llama.cpp", "qwen3", 1536)
    assert (info.chat, info.thinking, info.tool_parser) == (True, True, "hermes")
    assert (info.context_length, info.max_lanes, info.refused) == (4096, CPU_LANES, ())
    assert info.defaults == SamplingDefaults(temperature=0.0)
    assert info.fingerprint.startswith("fp_")
    assert "llama.cpp" in info.device
    assert "Q8_0" in info.device
    weights = demo.MODELS["demo-gguf"].stat().st_size
    assert info.memory_bytes > weights + ROOM * 3000


def test_no_library_of_arrays_but_numpy_is_loaded() -> None:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "[]", said.stderr


@pytest.mark.parametrize(("asked", "told"), [(0, 4096), (100, 100), (1 << 20, 4096)])
def test_the_context_is_bounded(asked: int, told: int) -> None:
    assert served(context_length=asked).info.context_length == told


def test_little_memory_bounds_the_context() -> None:
    few = served(memory=1 << 20)
    assert few.info.context_length == few.engine.fits(1)
    # llama.cpp makes caches of whole steps.
    assert abs(few.info.context_length - (1 << 20) // 3072) < 256
    eight = served(memory=1 << 20, kv_bits=8)
    assert eight.info.context_length > few.info.context_length * 3 // 2


def test_defaults_of_the_settings_come_first() -> None:
    asked = SamplingDefaults(temperature=0.7, top_k=3)
    assert served(defaults=asked).info.defaults == asked


def test_nothing_is_remembered_if_so_told() -> None:
    assert not served(cache_ram=0).engine.figures.enabled
    assert served(cache_ram=3072 * 100).engine.figures.ram_budget_bytes == 3072 * 100


def test_another_chat_format() -> None:
    assert served(chat_format="chatml").info.template_kwargs == ()
    with pytest.raises(CannotLoad, match="no chat format 'none'"):
        served(chat_format="none")
    with pytest.raises(CannotLoad, match="--tool-parser"):
        served(tool_parser="none")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"quantise": Quantisation(bits=4)}, "--quantize"),
        ({"adapters": {"a": "/nowhere"}}, "--adapter"),
        ({"default_adapter": "a"}, "--adapter"),
        ({"kv_bits": 6}, "--kv-bits"),
        ({"model": "/nowhere/none.gguf"}, "no file"),
    ],
)
def test_what_it_cannot_be_served_with(options: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotLoad, match=why):
        served(**options)


VOCABULARY = [
    entry("general.architecture", STRING, "qwen3"),
    entry("tokenizer.ggml.model", STRING, "gpt2"),
    entry("tokenizer.ggml.pre", STRING, "qwen2"),
    entry("tokenizer.ggml.tokens", ARRAY, ["a", "b"], of=STRING),
]
WEIGHTS: dict[str, Any] = {"tensors": [tensor("w", (32,), 0, 0)], "data": b"\0" * 128}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (whole(VOCABULARY), "has no weights"),
        (whole(VOCABULARY[1:], **WEIGHTS), "what kind of model"),
        (whole(VOCABULARY[:3], **WEIGHTS), "no vocabulary"),
        (whole([*VOCABULARY, entry("split.count", 2, 3)], **WEIGHTS), "one of 3 parts"),
        *(
            (
                whole([*VOCABULARY, entry(f"qwen3.{name}", 4, count)], **WEIGHTS),
                f"{name} is {count}",
            )
            for name, count in [("block_count", 0), ("block_count", 513), ("expert_count", 10**6)]
        ),
        (whole(VOCABULARY, **WEIGHTS), r"llama\.cpp cannot load"),
        (whole(VOCABULARY, **WEIGHTS)[:-200], "no GGUF file"),
    ],
)
def test_files_that_are_no_model(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    with pytest.raises(CannotLoad, match=why):
        served(model=str(path))
