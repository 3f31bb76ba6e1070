"""What models are called."""

from pathlib import Path

import pytest

from pippin.fleet.names import served_names


def test_names(tmp_path: Path) -> None:
    folder = tmp_path / "My-Model-4bit"
    folder.mkdir()
    assert served_names(["demo", "org/repo-1.5", str(folder), f"mine={folder}", "short=org/x"]) == {
        "demo": "demo",
        "org/repo-1.5": "org/repo-1.5",
        "My-Model-4bit": str(folder),
        "mine": str(folder),
        "short": "org/x",
    }


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert served_names(["./here"]) == {"here": str(tmp_path / "here")}


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (["demo", "demo"], "two models are called 'demo'"),
        (["a=x/y", "a=x/z"], "two models are called 'a'"),
        (["/no/such/folder"], "there is no model at /no/such/folder"),
        (["x=./no-such-folder"], "there is no model at ./no-such-folder"),
        (["=x"], "no usable name"),
        (["x="], "no usable name"),
        (["a b=x"], "no usable name"),
        (["/"], "no usable name"),
    ],
)
def test_what_cannot_be_a_name(models: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        served_names(models)
