"""How far something is that takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from pippin.core.conversion import Advanced

TENTHS = 10
"""Of a stage: how often a line is written where there is no bar."""

Show = Callable[[Advanced], None]


@contextmanager
def shown() -> Iterator[Show]:
    """How far it is: a bar in a terminal, lines elsewhere. On standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        stage = "starting"

        def show(advanced: Advanced) -> None:
            nonlocal stage
            if advanced.stage != stage:
                stage = advanced.stage
                bar.reset(task, description=stage, total=None)
            bar.update(task, completed=advanced.done, total=advanced.total or None)

        yield show


class Lines:
    """A line for each tenth of each stage."""

    def __init__(self) -> None:
        self._said: tuple[str, int] | None = None

    def __call__(self, advanced: Advanced) -> None:
        tenth = advanced.done * TENTHS // advanced.total if advanced.total else 0
        if (advanced.stage, tenth) != self._said:
            self._said = (advanced.stage, tenth)
            click.echo(
                f"{advanced.stage} {tenth * 100 // TENTHS}%" if tenth else advanced.stage, err=True
            )
