"""Pippin's own configuration file: what it says, and what is wrong with it, by line."""

from pathlib import Path
from typing import Any

import pytest

from pippin.settings.errors import BadSettings
from pippin.settings.file import read_file
from pippin.settings.filed import Filed


def read(folder: Path, text: str, name: str = "pippin.yaml") -> Filed:
    path = folder / name
    path.write_text(text)
    return read_file(path)


def said(filed: Filed) -> dict[str, Any]:
    return {name: placed.value for name, placed in filed.settings.items()}


def models(filed: Filed) -> list[dict[str, Any]]:
    return [
        {name: placed.value for name, placed in model.settings.items()}
        for model in filed.models or ()
    ]


def test_sections(tmp_path: Path) -> None:
    filed = read(
        tmp_path,
        """
server: {port: 9000, api_keys: [a, b], host: null}
defaults: {temperature: 0.5}
models:
  - demo
  - small=demo
  - {model: org/name, aliases: [x], load: demand}
""",
    )
    assert said(filed) == {"port": 9000, "api_keys": ["a", "b"], "temperature": 0.5}
    assert models(filed) == [
        {"model": "demo"},
        {"model": "demo", "name": "small"},
        {"model": "org/name", "aliases": ["x"], "load": "demand"},
    ]
    assert [model.line for model in filed.models or ()] == [5, 6, 7]


def test_empty_sections_say_nothing(tmp_path: Path) -> None:
    filed = read(tmp_path, "server:\ndefaults:\nmodels:\n")
    assert (said(filed), filed.models) == ({}, [])
    assert read(tmp_path, "# nothing\n").models is None


def test_paths_are_those_of_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "near" / "model").mkdir(parents=True)
    filed = read(
        tmp_path,
        """
server: {models_dir: models, cache_dir: ~/cache}
defaults: {adapters: [a=x/a, b=/abs/b]}
models:
  - near/model
  - name=./other
  - {model: org/name, adapters: {c: ../c}}
  - {model: ~/mine, adapters: "d=d,e=/e"}
""",
    )
    assert said(filed) == {
        "models_dir": str(tmp_path / "models"),
        "cache_dir": "~/cache",
        "adapters": {"a": str(tmp_path / "x/a"), "b": "/abs/b"},
    }
    found = models(filed)
    assert [model["model"] for model in found] == [
        str(tmp_path / "near/model"),
        str(tmp_path / "other"),
        "org/name",
        "~/mine",
    ]
    assert found[2]["adapters"] == {"c": str(tmp_path.parent / "c")}
    assert found[3]["adapters"] == {"d": str(tmp_path / "d"), "e": "/e"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("sever: {}", 1, "there is no setting 'sever'; did you mean 'server'?"),
        ("port: 8000", 1, "'port' belongs under server:"),
        ("temperature: 1", 1, "'temperature' belongs under defaults:"),
        ("server:\n  prot: 1", 2, "server: there is no setting 'prot'; did you mean 'port'?"),
        ("server:\n  temperature: 1", 2, "server: 'temperature' belongs under defaults:"),
        ("defaults:\n  port: 1", 2, "defaults: 'port' belongs under server:"),
        ("defaults:\n  queue-timeout: 1", 2, "did you mean 'queue_timeout_s'?"),
        ("server: 3", 1, "server: write settings here"),
        ("models: demo", 1, "models: write a list"),
        ("models: {model: demo}", 1, "models: write a list"),
        ("models:\n- demo\n- 3", 3, "models[1]: write WHERE"),
        ("models:\n- ''", 2, "models[0]: write WHERE"),
        ("models:\n- x=", 2, "models[0]: write WHERE"),
        ("models:\n- {name: x}", 2, "models[0]: 'model' is missing"),
        ("models:\n- model: x\n  quantise: q4", 3, "did you mean 'quantize'?"),
        ("models:\n- model: x\n  port: 1", 3, "'port' is one setting for all, under server:"),
        ("- demo", 1, "the file must have the sections"),
        ("demo", 1, "the file must have the sections"),
        ("server: {models: [x], config: y}", 1, "there is no setting 'models'"),
    ],
)
def test_mistakes_have_a_line_and_a_mend(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, text)
    assert caught.value.problems[0].startswith(f"{tmp_path}/pippin.yaml:{line}: ")
    assert says in caught.value.problems[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, "server: {prot: 1}\nmodel: []\nmodels: [3, {}]")
    assert len(caught.value.problems) == 4
