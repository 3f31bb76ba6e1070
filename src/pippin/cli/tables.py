"""Tables for people, and the same rows for programs."""

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> None:
    """A table in a terminal; elsewhere lines whose columns are separated by tabs. ``right``: the
    columns of numbers."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in (columns, *rows):
            click.echo("\t".join(row))
        return
    table = Table()
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)
