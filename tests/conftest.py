"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples

from pippin.models.blas import load_blas
from pippin.settings import Settings
from pippin.settings.foreign.variables import TAKEN, VAIN
from pippin.settings.words import variable_name

# As in a worker, and before any test imports mlx.
load_blas()

# No test depends on how fast the machine is.
examples.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
examples.load_profile("any machine")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a server of their own set up in the environment."""
    ours = (variable_name(setting) for setting in Settings.model_fields)
    for name in (*ours, *TAKEN, *VAIN):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def no_models_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have downloaded models."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Tests marked ``anyio`` run on asyncio, which is all that the server runs on."""
    return ("asyncio", {"use_uvloop": True})
