"""``pippin config``: files made, checked, and shown."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pippin.cli.commands import main
from pippin.settings import ModelSettings, Settings
from pippin.settings.layers import gather
from pippin.settings.sample import sample, written


def config(*words: str) -> Result:
    return CliRunner().invoke(main, ["config", *words])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "pippin.yaml"
    file.write_text("server: {port: 9000, api_keys: [hush-hush]}\nmodels: [demo, other=demo]\n")
    return file


def test_a_new_file_says_nothing_but_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    assert config("init", "--output", str(path)).exit_code == 0
    found = gather({"config": path}, {})
    assert found.settings == Settings(config=path)
    assert config("check", str(path)).output == f"{path}: all is well; models: demo\n"


def test_all_that_is_commented_out_is_true(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(re.sub(r"(?m)^( +)# ([a-z_]+:( .*)?)$", r"\1\2", sample()))
    text = path.read_text()
    found = gather({"config": path}, {})
    assert found.settings == Settings(config=path)
    for name in set(Settings.model_fields) - {"models", "config"} | set(ModelSettings.model_fields):
        assert re.search(rf"(?m)^ +(- )?{name}:", text), name


def test_a_file_has_room_for_several_models(tmp_path: Path) -> None:
    path = tmp_path / "three.yaml"
    config("init", "--num-models", "3", "--output", str(path))
    assert config("check", str(path)).output.endswith("models: demo, demo-2, demo-3\n")
    assert config("init", "-n", "0").exit_code == 2


def test_a_file_that_is_there_is_kept(path: Path) -> None:
    before = path.read_text()
    done = config("init", "--output", str(path))
    assert (done.exit_code, path.read_text()) == (1, before)
    assert "--force" in done.output
    assert config("init", "--output", str(path), "--force").exit_code == 0
    assert path.read_text() == sample()
    assert config("init", "--output", "-").output == sample()
    assert config("init", "--output", str(path / "x")).exit_code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sever: {}", ":1: there is no setting 'sever'; did you mean 'server'?"),
        ("models: [demo, demo]", "two models are called 'demo'"),
        ("models: [./nothing]", "there is no model at "),
        ("server: {models_dir: nothing}", "there is no folder of models"),
        ("a: [", ":1: this is no YAML"),
    ],
)
def test_check_says_what_is_wrong(path: Path, text: str, says: str) -> None:
    path.write_text(text)
    done = config("check", str(path))
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert says in done.output


def test_check_reads_the_models(path: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    path.write_text("models: [broken]")
    done = config("check", str(path))
    assert done.exit_code == 1
    assert "broken: " in done.output
    assert "config.json cannot be opened" in done.output


def test_check_tells_what_is_in_vain(path: Path) -> None:
    path.write_text("models:\n- {model_path: org/name, debug: true}")
    done = config("check", str(path))
    assert done.exit_code == 0
    assert done.output.startswith(f"Note: {path}:2: models[0]: 'debug' has no effect")


def test_check_knows_the_variable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config("check").exit_code == 2
    monkeypatch.setenv("PIPPIN_CONFIG", str(path))
    assert config("check").exit_code == 0


def test_show_says_where_all_comes_from(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_QUEUE_SIZE", "7")
    done = config("show", "--config", str(path), "--memory", "2GiB")
    rows = dict(line.split("\t", 1) for line in done.output.splitlines())
    assert rows["port"] == f"9000\t{path}:1"
    assert rows["queue_size"] == "7\tenvironment PIPPIN_QUEUE_SIZE"
    assert rows["memory"] == "2GiB\tflag --memory"
    assert rows["host"] == "127.0.0.1\tdefault"
    assert rows["models[1].name"] == f"other\t{path}:2"
    assert rows["api_keys"] == f"(1 of them, not shown)\t{path}:1"
    assert "hush" not in done.output
    assert set(Settings.model_fields) - {"models"} <= rows.keys()


def test_show_takes_models_from_the_command_line(path: Path) -> None:
    done = config("show", "--config", str(path), "mine=demo")
    assert "models[0].name\tmine\targument MODEL" in done.output
    assert "other" not in done.output


def test_show_refuses_what_serve_refuses(path: Path) -> None:
    done = config("show", "--config", str(path), "--port", "70000")
    assert done.exit_code == 2
    assert "--port (PIPPIN_PORT): " in done.output


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (("a", "b"), "[a, b]"),
        ({"a": Path("/x")}, "{a: /x}"),
        ("", '""'),
    ],
)
def test_values_are_written_as_in_a_file(value: object, text: str) -> None:
    assert written(value) == text


def test_serve_reads_a_file(path: Path) -> None:
    path.write_text("server: {prot: 1}")
    done = CliRunner().invoke(main, ["serve", "--config", str(path)])
    assert done.exit_code == 2
    assert f"{path}:1: server: there is no setting 'prot'; did you mean 'port'?" in done.output
