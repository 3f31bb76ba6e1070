"""What a worker makes of a model: an engine that fits it, or one clear word."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pippin.core.worker import WorkerOptions
from pippin.engine.engine import Engine
from pippin.memory.prompts import PromptMemory
from pippin.models.adapters import Adapters
from pippin.models.errors import CannotLoad
from pippin.worker.engine_maker import make_engine
from tests.engine.zoo import VOCAB, build


def made(name: str, kv_bits: int = 0, **changes: Any) -> tuple[Engine, PromptMemory | None]:
    loaded = SimpleNamespace(
        model=build(name, **changes),
        weights_bytes=1 << 20,
        vocab_size=VOCAB,
        digest="d",
        adapters=Adapters(),
    )
    options = WorkerOptions(kv_bits=kv_bits)
    return make_engine(options, cast(Any, loaded), "a device", lambda: None)


@pytest.mark.parametrize("name", ["gemma2", "gpt_oss", "deepseek_v3"])
def test_a_model_whose_cache_cannot_be_quantised(name: str) -> None:
    changes = {"head_dim": 32} if name == "gemma2" else {}
    with pytest.raises(CannotLoad) as caught:
        made(name, 8, **changes)
    told = "This model's cache cannot be quantised (--kv-bits): leave --kv-bits out."
    assert str(caught.value) == told
    engine, memory = made(name, **changes)
    assert engine.max_lanes == (1 if name == "gemma2" else 64)
    assert memory is not None


def test_what_cannot_be_put_back_is_not_remembered() -> None:
    engine, memory = made("deepseek_v41")
    assert memory is None
    assert not engine.figures.enabled
