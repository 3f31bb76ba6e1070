"""Where a report goes: the terminal, a Markdown page, a JSON file."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import rich.table
from rich.console import Console

from benchmarks.records import Record
from benchmarks.tables import Section

HEAD = """# Benchmark

Made by `python -m benchmarks`; what is measured and how, and what not to conclude, is in
[benchmarks/README.md](../benchmarks/README.md). Absolute figures hold for this machine alone.
"""


def save(path: Path, facts: dict[str, str], records: Iterable[Record]) -> None:
    """All that was measured, for ``--from`` and for other programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"facts": facts, "records": [asdict(record) for record in records]}
    path.write_text(json.dumps(content, indent=1) + "\n")


def load(path: Path) -> tuple[dict[str, str], list[Record]]:
    content = json.loads(path.read_text())
    return content["facts"], [Record(**record) for record in content["records"]]


def markdown(facts: dict[str, str], sections: Iterable[Section]) -> str:
    parts = [HEAD, *(f"- {name}: {value}" for name, value in facts.items())]
    for section in sections:
        parts += ["", f"## {section.title}", "", section.note, "", _markdown_table(section)]
    return "\n".join(parts) + "\n"


def _markdown_table(section: Section) -> str:
    rule = ["---"] + ["---:"] * (len(section.head) - 1)
    lines = [section.head, rule, *section.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def show(console: Console, facts: dict[str, str], sections: Iterable[Section]) -> None:
    """Tables with lines and colours in a terminal; Markdown where the output is kept."""
    if not console.is_terminal:
        console.file.write(markdown(facts, sections))
        return
    for name, value in facts.items():
        console.print(f"[dim]{name}:[/] {value}")
    for section in sections:
        console.print(_rich_table(section))


def _rich_table(section: Section) -> rich.table.Table:
    table = rich.table.Table(title=section.title, caption=section.note, title_justify="left")
    for index, name in enumerate(section.head):
        table.add_column(name, justify="right" if index else "left")
    for row in section.rows:
        table.add_row(*row, style="bold" if row[0].startswith("Pippin") else "")
    return table
