"""The same rows for people and for programs."""

import io

import pytest
from rich.console import Console

from pippin.cli import tables


def test_elsewhere_columns_are_separated_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_table(("A", "B"), [("1", "[bold]x"), ("", "y")])
    assert capsys.readouterr().out == "A\tB\n1\t[bold]x\n\ty\n"


def test_in_a_terminal_names_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, highlight=False)
    monkeypatch.setattr(tables, "Console", lambda **_: console)
    tables.show_table(("A", "Number"), [("[bold]x", "7")], right=("Number",))
    assert "│ [bold]x │      7 │" in screen.getvalue()
