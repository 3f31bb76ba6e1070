"""Settings: where they come from, and what is refused in which words."""

import pytest
from pydantic import SecretStr, ValidationError

from pippin.settings import Settings, is_loopback


def test_defaults_serve_the_demo_on_loopback() -> None:
    settings = Settings()
    assert settings.models == ("demo",)
    assert (settings.host, settings.port, settings.loopback) == ("127.0.0.1", 8000, True)


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_MODELS", "demo, org/model ,")
    monkeypatch.setenv("PIPPIN_API_KEYS", "one,two")
    settings = Settings()
    assert settings.models == ("demo", "org/model")
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_PORT", "9000")
    assert Settings().port == 9000
    assert Settings(port=9001).port == 9001


def test_no_models_means_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_MODELS", "")
    assert Settings().models == ("demo",)
    assert Settings(models=()).models == ("demo",)


def test_keys_are_never_shown() -> None:
    settings = Settings(api_keys=(SecretStr("very-secret"),))
    assert "very-secret" not in repr(settings) + str(settings.model_dump())


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_beyond_loopback_needs_a_key(host: str) -> None:
    with pytest.raises(ValidationError, match="--api-key KEY") as caught:
        Settings(host=host)
    assert "--insecure" in str(caught.value)
    assert Settings(host=host, insecure=True).host == host
    assert Settings(host=host, api_keys=(SecretStr("k"),)).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert Settings(host=host).loopback


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 65536},
        {"port": "http"},
        {"host": ""},
        {"api_keys": ("",)},
        {"api_keys": ("with space",)},
        {"api_keys": ("ключ",)},
        {"cors_origins": ("example.org",)},
        {"cors_origins": ("https://example.org/path",)},
        {"allowed_hosts": ("https://example.org",)},
        {"max_body_bytes": 64 * 1024 * 1024},
        {"max_lanes": 0},
        {"log_level": "loud"},
        {"unknown": 1},
        {"models": ("",)},
    ],
)
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)
