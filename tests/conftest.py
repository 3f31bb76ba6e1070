"""What all tests share."""

import pytest

from pippin.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a server of their own set up in the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PIPPIN_{name.upper()}", raising=False)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Tests marked ``anyio`` run on asyncio, which is all that the server runs on."""
    return ("asyncio", {"use_uvloop": True})
