"""What a worker says of its model, as the options would have it. Needs mlx in this process."""

from pathlib import Path
from typing import Any

import pytest

from pippin import demo
from pippin.core.sampling import SamplingDefaults
from pippin.core.worker import Quantisation, WorkerOptions
from pippin.models.errors import CannotLoad
from pippin.worker.mlx_runtime import loader
from pippin.worker.runtime import Served
from tests.random_adapter import make_adapter


def served(**options: Any) -> Served:
    asked = WorkerOptions(**{"model": "demo", "cache_ram": 0, **options})
    return loader(None)(asked, lambda *_: None, lambda: None)


def test_the_demo_has_its_adapter() -> None:
    info = served().info
    assert (info.adapters, info.default_adapter) == (("demo-adapter",), "")
    assert served(model=str(demo.MODELS["demo"])).info.adapters == ()


def test_the_settings_name_others(tmp_path: Path) -> None:
    one = served(adapters={"mine": str(make_adapter(tmp_path))}, default_adapter="mine")
    assert (one.info.adapters, one.info.default_adapter) == (("mine",), "mine")
    assert one.adapters.find(None) == 1
    with pytest.raises(CannotLoad, match="no adapter 'other' that could be the default"):
        served(default_adapter="other")


@pytest.mark.parametrize(("asked", "told"), [(0, 4096), (100, 100), (1 << 20, 4096)])
def test_the_context_is_bounded(asked: int, told: int) -> None:
    assert served(context_length=asked).info.context_length == told


def test_defaults_of_the_settings_come_before_the_model_s() -> None:
    asked = SamplingDefaults(temperature=0.7, top_k=3)
    defaults = served(defaults=asked).info.defaults
    assert (defaults.temperature, defaults.top_k) == (0.7, 3)
    assert served(defaults=SamplingDefaults(top_k=3)).info.defaults.temperature == 0.0


def test_its_memory_is_told() -> None:
    info = served(memory=1 << 28).info
    assert 1 << 28 < info.memory_bytes < (1 << 28) + (1 << 26)


def test_quantised_weights_are_another_model(tmp_path: Path) -> None:
    four = served(quantise=Quantisation(bits=4), cache_dir=str(tmp_path)).info
    assert four.fingerprint != served().info.fingerprint
    assert four.adapters == ("demo-adapter",)
