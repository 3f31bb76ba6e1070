"""``pippin cache``: the prompts remembered on disk, seen and cleared without any server."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import click
from pydantic import ByteSize
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pippin.cli.prompt_folder import Record, given_cache_folder, records, removed

COLUMNS = ("Model", "Records", "Size", "Last used")
LONG = 1000
"""Records from which on a removal shows how far it is."""

cache_dir_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--cache-dir",
    type=click.Path(path_type=Path),
    help="The folder, if a server was given another one than PIPPIN_CACHE_DIR or the usual one.",
)


@click.group(
    epilog="""\b
Examples:
  pippin cache stats
  pippin cache clear
  pippin cache clear --yes --cache-dir /mnt/fast/pippin

\b
A running server tells what it remembers, in RAM too, at GET /v1/cache.
"""
)
def command() -> None:
    """Show or clear the prompts remembered on disk.

    Both are safe while servers run: a record that is gone is computed anew.
    """


@command.command(
    epilog="""\b
Examples:
  pippin cache stats
  pippin cache stats --cache-dir /mnt/fast/pippin
"""
)
@cache_dir_option
def stats(cache_dir: Path | None) -> None:
    """Show how much is remembered on disk: a line per model.

    A model is shown by the fingerprint of its weights, tokenizer and settings.
    """
    folder = _folder(cache_dir)
    with _complaining(folder):
        found = records(folder)
    rows = [_row(model, its_records) for model, its_records in found.items()]
    everything = [record for its_records in found.values() for record in its_records]
    _show(rows, _row("all", everything) if len(rows) > 1 else None)
    click.echo(f"{_amount(everything)} in {folder}")


@command.command(
    epilog="""\b
Examples:
  pippin cache clear          asks before it removes anything
  pippin cache clear --yes    for scripts

\b
What running servers hold in RAM stays: DELETE /v1/cache lets them forget it.
"""
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@cache_dir_option
def clear(yes: bool, cache_dir: Path | None) -> None:
    """Remove the prompts remembered on disk, of all models. Nothing else is touched."""
    folder = _folder(cache_dir)
    with _complaining(folder):
        everything = [record for its_records in records(folder).values() for record in its_records]
    if not everything:
        click.echo(f"Nothing is remembered in {folder}")
        return
    if not yes:
        _ask(f"Remove {_amount(everything)} in {folder}?")
    with _complaining(folder):
        freed = sum(removed(record) for record in _with_progress(everything))
    click.echo(f"Removed {_size(freed)} from {folder}")


def _folder(given: Path | None) -> Path:
    return given_cache_folder() if given is None else given.expanduser().absolute()


def _row(model: str, its_records: list[Record]) -> tuple[str, ...]:
    used = datetime.fromtimestamp(max(record.used for record in its_records))
    size = sum(record.size for record in its_records)
    return model, str(len(its_records)), _size(size), f"{used:%Y-%m-%d %H:%M}"


def _show(rows: list[tuple[str, ...]], total: tuple[str, ...] | None) -> None:
    """A table in a terminal; elsewhere lines whose columns are separated by tabs."""
    console = Console(highlight=False)
    if not rows:
        return
    if not console.is_terminal:
        for row in (COLUMNS, *rows):
            click.echo("\t".join(row))
        return
    table = Table(*COLUMNS, show_footer=total is not None)
    for column, words in zip(table.columns, total or COLUMNS, strict=True):
        column.footer = words
        column.justify = "left" if column.header in ("Model", "Last used") else "right"
    for row in rows:
        table.add_row(*row)
    console.print(table)


def somebody_to_ask() -> bool:
    """Whether a person sits before this."""
    return sys.stdin.isatty()


def _ask(question: str) -> None:
    if not somebody_to_ask():
        raise click.UsageError(f"{question} There is nobody to ask: say --yes.")
    click.confirm(question, abort=True)


def _with_progress(everything: list[Record]) -> Iterator[Record]:
    console = Console(stderr=True)
    hidden = len(everything) < LONG or not console.is_terminal
    yield from track(everything, "Removing", console=console, transient=True, disable=hidden)


@contextmanager
def _complaining(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _fail(f"{error.filename or folder}: {error.strerror or error}")


def _fail(words: str) -> NoReturn:
    click.echo(f"Error: {words}", err=True)
    sys.exit(1)


def _amount(everything: list[Record]) -> str:
    noun = "record" if len(everything) == 1 else "records"
    return f"{len(everything)} {noun}, {_size(sum(record.size for record in everything))},"


def _size(count: int) -> str:
    return ByteSize(count).human_readable()
