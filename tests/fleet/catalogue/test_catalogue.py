"""Which models there are, what they are called, and which names lead nowhere."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.files import model_folder
from tests.formats.gguf_writer import STRING, entry, whole

from pippin import demo
from pippin.fleet.catalogue import Catalogue
from pippin.settings import ModelSettings, Settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


GGUF = whole([entry("general.architecture", STRING, "qwen3")])


def catalogue(*models: str | ModelSettings, **settings: object) -> Catalogue:
    return Catalogue(Settings.model_validate({"models": models, **settings}))


def names(found: Catalogue) -> list[str]:
    return [entry.name for entry in found.entries]


def cached(cache: Path, repo: str, commit: str = COMMIT) -> Path:
    """The empty snapshot of a repository in a cache of the hub."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots").mkdir()
    return folder / "snapshots" / commit


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return folder


def test_configured_models_come_first_and_in_their_order(tmp_path: Path) -> None:
    one = ModelSettings(model="org/name", aliases=("short",), load="demand", temperature=0.3)
    two = ModelSettings(model="demo", name="small", pin=True)
    folder = model_folder(tmp_path / "models" / "a").parent
    found = catalogue(one, two, models_dir=folder, max_lanes=3)
    assert names(found) == ["org/name", "small", "a"]
    first, second, third = found.entries
    assert (first.where, first.source, first.on_start) == ("org/name", "configured", False)
    assert (first.settings.temperature, first.settings.max_lanes) == (0.3, 3)
    assert (first.facts, first.problem) == (None, None)
    assert (second.pin, second.on_start, second.settings.temperature) == (True, True, None)
    assert second.facts is not None
    assert second.facts.architecture == "qwen3"
    assert (third.source, third.where) == ("folder", str(folder / "a"))
    assert (third.on_start, third.pin) == (False, False)


def test_what_a_name_finds(tmp_path: Path, cache: Path) -> None:
    model_folder(tmp_path / "models" / "x" / "tiny")
    model_folder(cached(cache, "org/big"))
    found = catalogue(
        ModelSettings(model="demo", name="a", aliases=("b",)),
        ModelSettings(model="org/other@v1"),
        models_dir=tmp_path / "models",
    )
    by = {name: entry.name for name in ["a", "b", "demo"] if (entry := found.find(name))}
    assert by == {"a": "a", "b": "a", "demo": "a"}
    for name, its in (("tiny", "x/tiny"), ("big", "org/big"), ("other", "org/other@v1")):
        entry = found.find(name)
        assert entry is not None
        assert entry.name == its
    for name in ("A", "DEMO", "", "x", "org", "x/", "/tiny", "../tiny", str(tmp_path / "models/x")):
        assert found.find(name) is None


def test_what_is_configured_is_not_listed_again_by_its_place(tmp_path: Path, cache: Path) -> None:
    model_folder(tmp_path / "models" / "a")
    model_folder(cached(cache, "org/tiny"))
    found = catalogue(
        f"x={tmp_path / 'models' / 'a'}", "y=org/tiny", models_dir=tmp_path / "models"
    )
    assert names(found) == ["x", "y"]
    assert [one.name for name in ("a", "org/tiny", "tiny") if (one := found.find(name))] == [
        *("x", "y", "y")
    ]
    assert names(catalogue("x=demo", "y=demo", hide_hub=True)) == ["x", "y"]


def test_a_last_part_that_two_models_share_is_no_name(cache: Path) -> None:
    for repo in ("one/same", "two/same"):
        model_folder(cached(cache, repo))
    assert catalogue("demo").find("same") is None
    exact = catalogue(ModelSettings(model="demo", name="same")).find("same")
    assert exact is not None
    assert exact.where == "demo"


@pytest.mark.parametrize(
    "models",
    [
        ("demo", "demo"),
        (ModelSettings(model="demo", aliases=("x",)), ModelSettings(model="a/b", name="x")),
        (ModelSettings(model="demo", aliases=("x",)), ModelSettings(model="a/b", aliases=("x",))),
        (ModelSettings(model="demo", aliases=("demo",)),),
    ],
)
def test_a_name_taken_twice_is_refused(models: tuple[str | ModelSettings, ...]) -> None:
    with pytest.raises(ValueError, match="two models are called"):
        catalogue(*models)


def test_a_path_is_made_absolute_and_named_by_its_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "My-Model").mkdir()
    monkeypatch.chdir(tmp_path)
    found = catalogue("./My-Model", "mine=My-Model", "org/repo-1.5", hide_hub=True)
    assert [(one.name, one.where) for one in found.entries] == [
        ("My-Model", str(tmp_path / "My-Model")),
        ("mine", str(tmp_path / "My-Model")),
        ("org/repo-1.5", "org/repo-1.5"),
    ]


def test_what_else_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model at"):
        catalogue(str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="no usable name"):
        catalogue(ModelSettings(model="demo", aliases=("with space",)))
    for path in ("x=./no-such-folder", "/"):
        with pytest.raises(ValueError, match=r"no model at \./no-such-folder|no usable name"):
            catalogue(path)
    with pytest.raises(ValueError, match="no folder of models at"):
        catalogue("demo", models_dir=tmp_path / "nothing")


def test_a_folder_of_models(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "models"
    for name in ("one", "org/two", "org/deep/three", ".hidden", "bad name"):
        model_folder(folder / name)
    model_folder(folder / "broken", weights=b"nonsense")
    model_folder(folder / "strange", config={})
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("x")
    (folder / "mmproj-x.gguf").write_bytes(b"GGUF")
    with caplog.at_level(logging.WARNING):
        found = catalogue("demo", models_dir=folder)
        found.refresh()
    assert names(found) == ["demo", "one", "org/two", "strange"]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "bad name" in told[0]
    assert "broken is not listed" in told[1]


def test_the_cache_of_the_hub(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    model_folder(cached(cache, "org/good"))
    cached(cache, "org/partial").mkdir()
    model_folder(cached(cache, "org/broken"), weights=b"\0")
    model_folder(cached(cache, "org/sounds"), {"model_type": "whisper", "architectures": ["W"]})
    model_folder(cached(cache, "org/vectors"), {"model_type": "bert"})
    pinned = model_folder(cached(cache, "org/pinned"))
    (pinned.parent.parent / "refs" / "main").unlink()
    escaping = cached(cache, "org/escaping", "../../../models--org--good/snapshots/" + COMMIT)
    assert not escaping.exists()
    (cache / "models--nonsense").mkdir()
    (cache / "datasets--org--good").mkdir()
    with caplog.at_level(logging.WARNING):
        found = catalogue("demo")
    assert names(found) == ["demo", "org/good", "org/pinned"]
    assert [entry.where for entry in found.entries[1:]] == ["org/good", f"org/pinned@{COMMIT}"]
    assert {entry.source for entry in found.entries[1:]} == {"hub"}
    assert ["org/broken" in record.getMessage() for record in caplog.records] == [True]
    assert names(catalogue("demo", hide_hub=True)) == ["demo"]
    mine = catalogue("org/good").entries
    assert (mine[0].name, mine[0].source) == ("org/good", "configured")
    assert mine[0].facts is not None


def test_gguf_models_of_folders_and_of_the_hub(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "models"
    for path in (
        folder / "one.gguf",
        folder / "org" / "m-00001-of-00002.gguf",
        folder / "org" / "m-00002-of-00002.gguf",
        folder / "org" / "mmproj-m.gguf",
        tmp_path / "alone" / "only.gguf",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GGUF)
    for repo, files in (("org/single", ["a.gguf"]), ("org/both", ["x-Q4_K.gguf", "x-Q8_0.gguf"])):
        snapshot = cached(cache, repo)
        snapshot.mkdir()
        for name in files:
            (snapshot / name).write_bytes(GGUF)
    found = catalogue(
        "org/both:q8_0", "org/both/x-Q4_K.gguf", str(tmp_path / "alone"), models_dir=folder
    )
    assert names(found) == [
        *("org/both:q8_0", "org/both/x-Q4_K.gguf", "alone"),
        *("one.gguf", "org/m-00001-of-00002.gguf"),
        "org/single",
    ]
    assert {entry.facts.kind for entry in found.entries if entry.facts} == {"gguf"}
    assert all(entry.facts for entry in found.entries)
    assert found.entries[-1].where.endswith(f"{COMMIT}/a.gguf")
    one = found.find("one")
    assert one is not None
    assert one.name == "one.gguf"
    (away,) = catalogue("org/both:q2", hide_hub=True).entries
    assert (away.facts, away.problem) == (None, None)


def test_looking_again(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    first = model_folder(folder / "first")
    found = catalogue("demo", models_dir=folder)
    before = found.entries
    found.refresh()
    assert all(one is other for one, other in zip(before, found.entries, strict=True))
    model_folder(folder / "second")
    (first / "config.json").write_text('{"model_type": "llama"}')
    os.utime(first / "config.json", ns=(1, 1))
    found.refresh()
    assert names(found) == ["demo", "first", "second"]
    changed = found.find("first")
    assert changed is not None
    assert changed.facts is not None
    assert changed.facts.architecture == "llama"
    (first / "config.json").unlink()
    found.refresh(keep=("first",))
    assert found.find("first") is changed
    found.refresh()
    assert found.find("first") is None


def test_a_folder_that_vanishes_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    found = catalogue("demo", models_dir=folder)
    folder.rmdir()
    with caplog.at_level(logging.WARNING):
        found.refresh()
        found.refresh()
    assert names(found) == ["demo"]
    assert len(caplog.records) == 1


def test_a_configured_model_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", weights=b"")
    (entry,) = catalogue(str(folder)).entries
    assert entry.facts is None
    assert entry.problem is not None
    assert "model.safetensors" in entry.problem


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("demo", "demo"),
        ("org/name", "hub"),
        ("mlx-community/Qwen3-0.6B-4bit@main", "hub"),
        ("org/name@refs/pr/1", "hub"),
    ],
)
def test_unlisted_names(name: str, source: str) -> None:
    entry = catalogue("demo", max_lanes=7).unlisted(name)
    assert entry is not None
    assert (entry.name, entry.where, entry.source) == (name, name, source)
    assert (entry.settings.max_lanes, entry.on_start, entry.pin) == (7, False, False)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "name",
            "/etc/passwd",
            "/org/name",
            "./org/name",
            "../org",
            "org/..",
            "../..",
            "a/b/c",
        ),
        *("org/../name", "org//name", "org/name/", "~/name", "~root/x", "-org/name", "org/-name"),
        *(".hidden/name", "org/.hidden", "org/na me", "org/name\n", "org/name\x00", "örg/name"),
        *("org\\name", "org/name@", "org/name@../x", "org/name@/x", "org/na--me", "file:///etc"),
        *("https://huggingface.co/org/name", "a" * 97 + "/b", "a/" + "b" * 97, "org/name@a/b"),
        *("demo/../demo", "org/name@" + "a" * 200, "%2e%2e/name", "models/demo/", "hf:org/name"),
    ],
)
def test_unlisted_names_that_lead_nowhere(name: str) -> None:
    found = catalogue("demo")
    assert found.unlisted(name) is None
    assert found.find(name) is None


@given(st.text(max_size=300) | st.text(alphabet="a./@-~\\:%", max_size=20))
def test_no_text_becomes_a_path(name: str) -> None:
    entry = CATALOGUE.unlisted(name)
    if entry is not None and name not in demo.MODELS:
        assert name.count("/") in (1, 3)
        assert not name.startswith(("/", ".", "~", "-"))
        assert ".." not in name
        assert len(name) < 300


CATALOGUE = catalogue("demo", hide_hub=True)


def test_what_is_gone_from_the_disk_is_forgotten(tmp_path: Path) -> None:
    for name in ("one", "two"):
        model_folder(tmp_path / "models" / name)
    found = catalogue("demo", models_dir=tmp_path / "models", hide_hub=True)
    first = found.find("one")
    shutil.rmtree(tmp_path / "models" / "two")
    found.refresh()
    assert names(found) == ["demo", "one"]
    assert found.find("one") is first
    assert {path.name for path in found._reader._known} == {demo.MODELS["demo"].name, "one"}
