"""MLX Engine Server's JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from pippin.settings.errors import BadSettings
from pippin.settings.layers import InForce, gather

FILE = {
    "host": "127.0.0.1",
    "port": 8001,
    "log_level": "INFO",
    "model_path": "models/qwen",
    "adapter_path": None,
    "default_max_tokens": 150,
    "default_temperature": 0.7,
    "logs_dir": "./logs",
    "cors_enabled": True,
    "cors_origins": ["*"],
    "workers": 1,
    "request_timeout": 300,
    "max_concurrent_requests": 4,
    "api_key": "hush",
}


def force(folder: Path, content: dict[str, Any], name: str = "config.json") -> InForce:
    path = folder / name
    path.write_text(json.dumps(content, indent=1))
    return gather({"config": path}, {})


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "models" / "qwen").mkdir(parents=True)
    found = force(tmp_path, FILE)
    settings = found.settings
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8001, "info")
    assert (settings.max_tokens, settings.temperature) == (150, 0.7)
    assert [model.model for model in settings.models] == [str(tmp_path / "models/qwen")]
    assert settings.cors_origins == ("*",)
    assert [key.get_secret_value() for key in settings.api_keys] == ["hush"]
    assert len(found.notes) == 2
    assert "'logs_dir' has no effect" in found.notes[0]
    assert "'max_concurrent_requests' has no effect" in found.notes[1]
    assert "hush" not in "".join(found.notes)


def test_its_adapter_is_the_one_for_all_requests(tmp_path: Path) -> None:
    settings = force(tmp_path, {"adapter_path": "x/tone"}).settings
    assert settings.adapters == {"tone": tmp_path / "x/tone"}
    assert (settings.default_adapter, settings.models[0].model) == ("tone", "demo")


@pytest.mark.parametrize(
    ("content", "origins"),
    [
        ({"cors_enabled": False, "cors_origins": ["*"]}, ()),
        ({"cors_enabled": True}, ("*",)),
        ({"cors_origins": ["https://x.example"]}, ("https://x.example",)),
        ({"port": 1}, ()),
    ],
)
def test_origins(tmp_path: Path, content: dict[str, Any], origins: tuple[str, ...]) -> None:
    assert force(tmp_path, content).settings.cors_origins == origins


def test_an_unknown_key_is_an_error_here(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"config\.json:3: .*did you mean 'model_path'\?"):
        force(tmp_path, {"port": 1, "modelpath": "x"})


def test_as_yaml_it_is_known_by_its_keys(tmp_path: Path) -> None:
    assert force(tmp_path, {"port": 7, "default_max_tokens": 3}, "c.yaml").settings.port == 7
    with pytest.raises(BadSettings, match="'port' belongs under server:"):
        force(tmp_path, {"port": 7}, "c.yaml")
