"""Flags > environment > file > default, and who is told what was wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

from pippin.settings import GIB
from pippin.settings.errors import BadSettings
from pippin.settings.foreign.variables import TAKEN
from pippin.settings.layers import InForce, gather
from pippin.settings.server import Settings

FILE = """
server:
  port: 9000
  log_level: WARNING
defaults:
  temperature: 0.5
  memory: 2GiB
models:
  - demo
  - model: demo
    name: other
    temperature: 0.1
    max_lanes: 2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "pippin.yaml"
    file.write_text(FILE)
    return file


def force(**flags: Any) -> InForce:
    return gather(flags, os.environ)


def problems(**flags: Any) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        force(**flags)
    return list(caught.value.problems)


def test_the_four_layers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_CONFIG", str(path))
    monkeypatch.setenv("PIPPIN_PORT", "9001")
    monkeypatch.setenv("pippin_queue_size", "7")
    found = force(log_level="error")
    settings = found.settings
    assert (settings.log_level, settings.port, settings.queue_size) == ("error", 9001, 7)
    assert (settings.temperature, settings.memory, settings.host) == (0.5, 2 * GIB, "127.0.0.1")
    told = {name: str(found.origin(name)) for name in ("log_level", "port", "memory", "host")}
    assert told == {
        "log_level": "flag --log-level",
        "port": "environment PIPPIN_PORT",
        "memory": f"{path}:7",
        "host": "default",
    }
    assert [(model.name, model.temperature) for model in settings.models] == [
        ("", None),
        ("other", 0.1),
    ]
    assert str(found.of_models[1]["temperature"]) == f"{path}:12"
    assert found.notes == ()


def test_models_of_the_command_line_replace_those_of_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = force(config=path, models=("x=demo",))
    assert [model.name for model in found.settings.models] == ["x"]
    assert (found.of_models, found.settings.port) == ((), 9000)
    monkeypatch.setenv("PIPPIN_MODELS", "y=demo")
    assert [model.name for model in force(config=path).settings.models] == ["y"]


def test_a_flag_goes_before_a_models_own_setting(path: Path) -> None:
    found = force(config=path, temperature=0.9)
    settings = found.settings
    assert [settings.of(model).temperature for model in settings.models] == [0.9, 0.9]
    assert settings.of(settings.models[1]).max_lanes == 2
    assert found.notes == (f"--temperature holds, and not {path}:12",)


def test_without_a_file_there_is_the_demo() -> None:
    found = force()
    assert found.settings == Settings()
    assert (found.origins, found.notes) == ({}, ())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("server: {port: none}", ":1: port: Input should be a valid integer"),
        ("defaults: {memory: lots}", ":1: memory: write a size like 8GiB"),
        ("models:\n- {model: demo, temperature: 7}", ":2: models[0].temperature: Input should"),
        ("models:\n- model: demo\n  adapters: 3", ":3: models[0].adapters: "),
        ("models:\n- {model: 3}", ":2: models[0].model: "),
        ("models:\n- {model: ''}", ":2: models[0].model: "),
        ("server: {host: 0.0.0.0}", "--insecure"),
        ("server: {api_keys: [a b]}", ":1: api_keys: a key must be printable"),
    ],
)
def test_what_the_file_says_wrongly(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "pippin.yaml"
    path.write_text(line)
    (told,) = problems(config=path)
    assert says in told


def test_what_others_say_wrongly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (told,) = problems(config=path, port=-1)
    assert told.startswith("--port (PIPPIN_PORT): ")
    monkeypatch.setenv("PIPPIN_KV_BITS", "5")
    (told,) = problems(config=path)
    assert told.startswith("--kv-bits (PIPPIN_KV_BITS): ")
    monkeypatch.delenv("PIPPIN_KV_BITS")
    monkeypatch.setenv("MLX_SERVER_PORT", "x")
    (told,) = problems()
    assert told.startswith("MLX_SERVER_PORT: ")
    monkeypatch.delenv("MLX_SERVER_PORT")
    assert problems(models=(" ",)) == ["MODEL: a model's name is empty"]


def test_no_complaint_shows_a_key(tmp_path: Path) -> None:
    path = tmp_path / "pippin.yaml"
    path.write_text("server: {api_keys: [top secret]}")
    assert "secret" not in "".join(problems(config=path))
    assert "secret" not in "".join(problems(api_keys=("top secret",)))


def test_variables_of_other_servers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "MLX_SERVER_HOST": "localhost",
        "MLX_SERVER_PORT": "9100",
        "MLX_SERVER_LOG_LEVEL": "DEBUG",
        "MLX_SERVER_API_KEY": "hush",
        "MLX_SERVER_MAX_TOKENS": "99",
        "MLX_SERVER_MODEL_PATH": "org/engine",
        "MLX_SERVER_ADAPTER_PATH": "/adapters/tone",
        "DEFAULT_MAX_TOKENS": "77",
        "DEFAULT_TEMPERATURE": "0.25",
        "DEFAULT_TOP_K": "",
        "FASTMLX_NUM_WORKERS": "2",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = force(config=path)
    settings = found.settings
    assert (settings.host, settings.port, settings.log_level) == ("localhost", 9100, "debug")
    assert (settings.max_tokens, settings.temperature, settings.top_k) == (99, 0.25, None)
    assert [key.get_secret_value() for key in settings.api_keys] == ["hush"]
    assert [model.model for model in settings.models] == ["org/engine"]
    assert settings.adapters == {"tone": Path("/adapters/tone")}
    assert settings.default_adapter == "tone"
    assert settings.max_lanes == Settings().max_lanes
    assert any("FASTMLX_NUM_WORKERS has no effect" in note for note in found.notes)
    assert "MLX_SERVER_PORT is taken for PIPPIN_PORT" in found.notes
    assert "hush" not in "".join(found.notes)
    monkeypatch.setenv("PIPPIN_PORT", "9200")
    assert force(config=path).settings.port == 9200


def test_the_variables_of_others_mean_settings_that_there_are() -> None:
    assert set(TAKEN.values()) <= set(Settings.model_fields)
