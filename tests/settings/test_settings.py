"""Settings: where they come from, and what is refused in which words."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from pippin.settings import (
    GIB,
    MIB,
    ModelSettings,
    Settings,
    is_loopback,
    platform_cache_folder,
)

DEMO = (ModelSettings(model="demo"),)


def test_defaults_serve_the_demo_on_loopback() -> None:
    settings = Settings()
    assert settings.models == DEMO
    assert (settings.host, settings.port, settings.loopback) == ("127.0.0.1", 8000, True)


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_MODELS", "demo, org/model ,")
    monkeypatch.setenv("PIPPIN_API_KEYS", "one,two")
    settings = Settings()
    assert [model.model for model in settings.models] == ["demo", "org/model"]
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_PORT", "9000")
    assert Settings().port == 9000
    assert Settings(port=9001).port == 9001


def test_no_models_means_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_MODELS", "")
    assert Settings().models == DEMO
    assert Settings(models=()).models == DEMO


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
        {"memory": -1},
        {"memory": "much"},
        {"memory": "nan"},
        {"memory": "2PiB"},
        {"cache_ram": "-1"},
        {"cache_ram": ""},
        {"cache_disk": 1e400},
        {"cache_min_tokens": -1},
        {"cache_slots": -1},
        {"kv_bits": 0},
        {"kv_bits": "16"},
        {"max_concurrency": -1},
        {"queue_size": -1},
        {"queue_timeout_s": 0},
        {"stall_timeout_s": 0},
        {"agent_keys": ("with space",)},
        {"batch_keys": ","},
        {"api_keys": ("one", "two"), "batch_keys": ("two",)},
    ],
)
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_sizes_are_written_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_CACHE_DISK", "0")
    monkeypatch.setenv("PIPPIN_KV_BITS", "4")
    settings = Settings.model_validate({"memory": "8GiB", "cache_ram": "512 MiB"})
    assert (settings.memory, settings.cache_ram) == (8 * GIB, 512 * MIB)
    assert (settings.cache_disk, settings.kv_bits) == (0, 4)


def test_where_prompts_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    assert Settings().cache_folder == tmp_path / usual / "pippin"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert platform_cache_folder() == tmp_path / usual / "pippin"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Settings().cache_folder == tmp_path / "xdg" / "pippin"
    monkeypatch.setenv("PIPPIN_CACHE_DIR", "~/mine")
    assert Settings().cache_folder == tmp_path / "mine"


@pytest.mark.parametrize("kind", ["api_keys", "agent_keys", "batch_keys"])
def test_every_kind_of_key_guards(kind: str) -> None:
    settings = Settings.model_validate({"host": "0.0.0.0", kind: ("hush-hush",)})
    assert [key.get_secret_value() for key in settings.keys] == ["hush-hush"]
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "name", "where"),
    [
        ("demo", "", "demo"),
        ("small=demo", "small", "demo"),
        (" small = ./x=y ", "small", "./x=y"),
        ("./folder=with/equals", "", "./folder=with/equals"),
        ("org/name@v1", "", "org/name@v1"),
    ],
)
def test_models_as_texts(text: str, name: str, where: str) -> None:
    model = ModelSettings.of_text(text)
    assert (model.name, model.model) == (name, where)


@pytest.mark.parametrize("text", ["=x", "x=", " = ", ""])
def test_half_a_model_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write NAME=WHERE|at least 1"):
        ModelSettings.of_text(text)


def test_an_empty_variable_of_a_folder_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "MODELS_DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"PIPPIN_{name}", "")
    settings = Settings()
    assert (settings.config, settings.models_dir, settings.cache_dir) == (None, None, None)


def test_the_settings_of_one_model() -> None:
    model = ModelSettings(model="demo", temperature=0.5, adapters={"a": Path("/a")})
    settings = Settings(temperature=0.9, top_p=0.8)
    mine = settings.of(model)
    assert (mine.temperature, mine.top_p, mine.adapters) == (0.5, 0.8, {"a": Path("/a")})
    assert settings.of(DEMO[0]) == settings


def test_numbers_and_lists_may_be_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_GROUP_SIZE", "32")
    monkeypatch.setenv("PIPPIN_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("PIPPIN_ADAPTERS", "a=/x, b=/y")
    settings = Settings()
    assert (settings.group_size, settings.log_level) == (32, "debug")
    assert settings.adapters == {"a": Path("/x"), "b": Path("/y")}
    model = ModelSettings.model_validate({"model": "demo", "aliases": "x, y", "kv_bits": "8"})
    assert (model.aliases, model.kv_bits) == (("x", "y"), 8)
    with pytest.raises(ValidationError, match="NAME=FOLDER"):
        Settings.model_validate({"adapters": ("nothing",)})
