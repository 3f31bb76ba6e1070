"""``pippin models``: listed, shown, pulled from a hub on loopback, and removed."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.formats.files import CONFIG, model_folder
from tests.models.fake_hub import FakeHub, fake_hub

from pippin import demo
from pippin.cli import models as cli_models
from pippin.cli.commands import main

COLUMNS = "Name\tFrom\tArchitecture\tSize\tQuantisation\tContext\tFits"


def models(*words: str, **given: str) -> Result:
    return CliRunner().invoke(main, ["models", *words], **given)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's folder of this machine: empty, and no hub can be reached."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    return tmp_path / "home"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "source")


def pulled(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, repo: str = "org/tiny") -> Result:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return models("pull", repo)


def test_the_list_is_that_of_the_catalogue(tmp_path: Path) -> None:
    model_folder(tmp_path / "models" / "big", {**CONFIG, "model_type": "llama"})
    config = tmp_path / "pippin.yaml"
    config.write_text("models: [demo, org/away, {model: ./broken}]")
    (tmp_path / "broken").mkdir()
    done = models("list", "--config", str(config), "--models-dir", str(tmp_path / "models"))
    assert done.exit_code == 0, done.output
    head, first, away, broken, big = done.output.splitlines()
    assert head == COLUMNS
    assert first == "demo\tconfigured\tqwen3\t4.4MiB\tbfloat16\t4096\tyes"
    assert away == "org/away\tconfigured\tnot here yet\t?\t?\t?\t?"
    assert broken == "broken\tconfigured\tcannot be read\t?\t?\t?\t?"
    assert big.startswith("big\tfolder\tllama\t")


def test_what_is_too_big_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_MEMORY_LIMIT", "1MiB")
    assert models("list").output.splitlines()[1].endswith("\tno")


def test_a_model_is_shown_with_all_that_is_known(tmp_path: Path) -> None:
    config = tmp_path / "pippin.yaml"
    config.write_text("models: [{model: demo, name: mine, aliases: [other], pin: true}]")
    done = models("show", "other", "--config", str(config))
    rows = dict(line.split("\t") for line in done.output.splitlines())
    assert rows["name"] == "mine"
    assert rows["pinned"] == "true"
    assert rows["parameters"] == "2,288,832"
    assert rows["chat template"] == "true"
    assert (rows["kind"], "problem" in rows) == ("language", False)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    done = models("show", "demi")
    assert done.exit_code == 1
    assert "there is no model 'demi'; did you mean 'demo'?" in done.output
    assert "not on this machine yet" in models("show", "org/name").output
    assert models("list", "--models-dir", str(tmp_path / "nothing")).exit_code == 1


def test_pulled_listed_and_removed(
    source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "evil.py").write_text("raise SystemExit")
    with fake_hub("org/tiny", source) as hub:
        done = pulled(hub, monkeypatch)
        assert done.exit_code == 0, done.output
        assert "downloading" in done.stderr
        assert done.stdout.startswith(f"org/tiny is in {home}")
        assert not any("evil" in path for path in hub.requests)
    assert "org/tiny\thub\tqwen3\t" in models("list").output
    assert "org/tiny" not in models("list", "--hide-hub").output
    assert models("pull", "org/tiny").exit_code == 0  # offline, from the cache
    asked = models("rm", "org/tiny")
    assert asked.exit_code == 2
    assert "say --yes" in asked.output
    assert models("rm", "org/tiny", "--yes").output == "org/tiny is removed\n"
    assert "org/tiny" not in models("list").output
    assert models("rm", "org/tiny", "--yes").exit_code == 1


def test_a_person_is_asked(source: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_hub("org/tiny", source) as hub:
        pulled(hub, monkeypatch)
    monkeypatch.setattr(cli_models, "somebody_to_ask", lambda: True)
    folder = home / "hub" / "models--org--tiny"
    assert models("rm", "org/tiny", input="n\n").exit_code == 1
    assert folder.is_dir()
    done = models("rm", "org/tiny", input="y\n")
    assert "Remove org/tiny, " in done.output
    assert not folder.exists()


@pytest.mark.parametrize(
    ("repo", "says"),
    [("org/missing", "answered 404"), ("private/x", "answered 401"), ("org/tiny", "no weights")],
)
def test_what_cannot_be_pulled(
    repo: str, says: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "model.safetensors").unlink()
    with fake_hub("org/tiny", source) as hub:
        done = pulled(hub, monkeypatch, repo)
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output


def test_offline_is_said_clearly() -> None:
    done = models("pull", "org/tiny")
    assert done.exit_code == 1
    assert "hub cannot be reached" in done.output


@pytest.mark.parametrize("repo", ["demo", "./folder", "/etc", "~/x", "../../x"])
def test_only_repositories_are_pulled_and_removed(repo: str, tmp_path: Path) -> None:
    assert models("pull", repo).exit_code == 2
    assert models("rm", repo, "--yes").exit_code == 2


def test_a_link_in_the_cache_is_not_followed(source: Path, home: Path) -> None:
    (home / "hub").mkdir(parents=True)
    os.symlink(source, home / "hub" / "models--org--tiny")
    assert models("rm", "org/tiny", "--yes").exit_code == 1
    assert (source / "config.json").is_file()


def test_a_whole_model_that_was_pulled_can_be_served_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo.MODELS["demo"], tmp_path / "whole")
    with fake_hub("org/demo", tmp_path / "whole") as hub:
        assert pulled(hub, monkeypatch, "org/demo").exit_code == 0
    rows = models("show", "org/demo").output
    assert "parameters\t2,288,832" in rows
    assert "from\thub" in rows
