"""``pippin models``: what there is, without any server; downloaded, and removed."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import ByteSize

from pippin.cli.cache import somebody_to_ask
from pippin.cli.fetching import FetchFailed, fetch
from pippin.cli.given import in_force
from pippin.cli.progress import shown
from pippin.cli.tables import show_table
from pippin.fleet.catalogue import Catalogue, Entry
from pippin.fleet.catalogue.hub import hub_cache, repository_folder
from pippin.fleet.catalogue.naming import is_repository
from pippin.fleet.sizes import PROCESS_BYTES, memory_limit, weights_bytes
from pippin.settings.sample import written
from pippin.settings.words import nearest

COLUMNS = ("Name", "From", "Architecture", "Size", "Quantisation", "Context", "Fits")
UNKNOWN = "?"

Command = Callable[..., None]


def _catalogue_options(command: Command) -> Command:
    for option in (
        click.option("--hide-hub", is_flag=True, help="Leave out what is in the hub's cache only."),
        click.option("--models-dir", type=click.Path(path_type=Path), help="A folder of models."),
        click.option("--config", type=click.Path(path_type=Path), help="A configuration file."),
    ):
        command = option(command)
    return command


@click.group(
    epilog="""\b
Examples:
  pippin models list
  pippin models list --models-dir ./models
  pippin models show mlx-community/Qwen3-4B-4bit
  pippin models pull mlx-community/Qwen3-4B-4bit
  pippin models rm mlx-community/Qwen3-4B-4bit
"""
)
def command() -> None:
    """List, show, download or remove models.

    What is listed is what `pippin serve` with the same settings would serve: configured models,
    those of a folder, and those in the cache of Hugging Face's hub.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  pippin models list
  pippin models list --config pippin.yaml

\b
Fits: whether the weights alone fit into --memory-limit.
""",
)
@_catalogue_options
def list_models(**given: Any) -> None:
    """List all models that may be served: a line each."""
    catalogue = _catalogue(given)
    show_table(COLUMNS, map(_row, catalogue.entries), right=("Size", "Context"))


@command.command(
    epilog="""\b
Examples:
  pippin models show demo
  pippin models show small --config pippin.yaml
"""
)
@click.argument("name")
@_catalogue_options
def show(name: str, **given: Any) -> None:
    """Show all that is known of a model without loading it."""
    catalogue = _catalogue(given)
    entry = catalogue.find(name) or catalogue.unlisted(name)
    if entry is None:
        known = [one.name for one in catalogue.entries]
        _fail(f"there is no model {name!r}{nearest(name, known)}")
    show_table(("Fact", "Value"), _details(entry).items())


@command.command(
    epilog="""\b
Examples:
  pippin models pull mlx-community/Qwen3-4B-4bit
  pippin models pull org/name@revision
  pippin models pull org/name-GGUF:Q4_K_M       one file of several

\b
What was interrupted goes on with the files that are not complete. Private and gated
models need the environment variable HF_TOKEN.

\b
Exit codes: 0 it is here, 1 it is not.
"""
)
@click.argument("repo")
def pull(repo: str) -> None:
    """Download a model from Hugging Face's hub, as `pippin serve` would.

    No code of the repository is downloaded.
    """
    if repo.startswith(("/", ".", "~")) or "/" not in repo:
        raise click.UsageError(f"{repo!r} is no repository; write org/name or org/name@revision")
    try:
        with shown() as show_progress:
            path = fetch(repo, show_progress)
    except FetchFailed as error:
        _fail(str(error))
    click.echo(f"{repo} is in {path}")


@command.command(
    epilog="""\b
Examples:
  pippin models rm mlx-community/Qwen3-4B-4bit        asks before it removes anything
  pippin models rm mlx-community/Qwen3-4B-4bit --yes  for scripts
"""
)
@click.argument("repo")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(repo: str, yes: bool) -> None:
    """Remove a model from the cache of Hugging Face's hub: all its revisions and files.

    Models in folders of your own are not touched.
    """
    if not is_repository(repo) or "@" in repo:
        raise click.UsageError(f"{repo!r} is no repository; write org/name")
    folder = repository_folder(hub_cache(os.environ), repo)
    if folder.is_symlink() or not folder.is_dir():
        _fail(f"{repo} is not in the cache ({folder.parent})")
    question = f"Remove {repo}, {_size(_bytes_in(folder))}, from {folder.parent}?"
    if not yes and not somebody_to_ask():
        raise click.UsageError(f"{question} There is nobody to ask: say --yes.")
    if not yes:
        click.confirm(question, abort=True)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    click.echo(f"{repo} is removed")


def _catalogue(given: dict[str, Any]) -> Catalogue:
    try:
        return Catalogue(in_force(given).settings)
    except ValueError as error:
        _fail(str(error))


def _row(entry: Entry) -> tuple[str, ...]:
    facts = entry.facts
    if facts is None:
        missing = "cannot be read" if entry.problem else "not here yet"
        return entry.name, entry.source, missing, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
    return (
        entry.name,
        entry.source,
        facts.architecture or UNKNOWN,
        _size(facts.weights_bytes),
        facts.quantisation or facts.dtype or UNKNOWN,
        str(facts.context_length or UNKNOWN),
        "yes" if _fits(entry) else "no",
    )


def _fits(entry: Entry) -> bool:
    """Whether the weights have room; caches take what is left."""
    return weights_bytes(entry) + PROCESS_BYTES <= memory_limit(entry.settings)


def _details(entry: Entry) -> dict[str, str]:
    facts = entry.facts
    details = {
        "name": entry.name,
        "aliases": ", ".join(entry.aliases),
        "where": entry.where,
        "from": entry.source,
        "loaded": "with the server" if entry.on_start else "on demand",
        "pinned": written(entry.pin),
        "problem": entry.problem or ("" if facts else "not on this machine yet"),
    }
    if facts is not None:
        details |= {
            "kind": facts.kind,
            "architecture": facts.architecture,
            "context length": str(facts.context_length or ""),
            "weights on disk": _size(facts.weights_bytes),
            "parameters": f"{facts.parameters:,}" if facts.parameters else "",
            "quantisation": facts.quantisation or "none",
            "type of numbers": facts.dtype or "",
            "chat template": written(facts.chat_template),
            "may think": written(facts.thinking),
            "may call tools": written(facts.tools),
            "fits": written(_fits(entry)),
        }
    return {name: value for name, value in details.items() if value}


def _bytes_in(folder: Path) -> int:
    """Of the files themselves; a snapshot only links to them."""
    files = (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
    return sum(path.stat().st_size for path in files)


def _size(count: int) -> str:
    return ByteSize(count).human_readable()


def _fail(words: str) -> NoReturn:
    click.echo(f"Error: {words}", err=True)
    sys.exit(1)
