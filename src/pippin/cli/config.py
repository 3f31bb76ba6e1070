"""``pippin config``: a configuration file made, checked, and shown with where all comes from."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from pippin.cli.flags import GroupedCommand, setting_flags
from pippin.cli.given import in_force
from pippin.cli.tables import show_table
from pippin.fleet.catalogue import Catalogue
from pippin.settings import ModelSettings, Settings
from pippin.settings.errors import BadSettings
from pippin.settings.layers import InForce, gather
from pippin.settings.sample import sample, written
from pippin.settings.words import variable_name

MAX_MODELS = 100
USUAL = "pippin.yaml"


@click.group(
    epilog="""\b
Examples:
  pippin config init                    writes pippin.yaml, with all settings
  pippin config check pippin.yaml
  pippin config show --config pippin.yaml --port 9000
  pippin serve --config pippin.yaml
"""
)
def command() -> None:
    """Make, check and show configuration files.

    Files of MLX-Textgen, mlx-openai-server and MLX Engine Server are understood as they are.
    """


@command.command(
    epilog="""\b
Examples:
  pippin config init
  pippin config init --num-models 3 --output models.yaml
"""
)
@click.option(
    "-n",
    "--num-models",
    type=click.IntRange(1, MAX_MODELS),
    default=1,
    show_default=True,
    help="How many models to make room for.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=USUAL,
    show_default=True,
    help="The file to write; - is standard output.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def init(num_models: int, output: Path, force: bool) -> None:
    """Write a configuration file with every setting, its reason and its default."""
    text = sample(num_models)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _fail(f"{output} is there; choose another --output, or --force")
    except OSError as error:
        _fail(f"{output} cannot be written: {error.strerror}")
    click.echo(f"{output} is written; pippin serve --config {output}")


@command.command(
    epilog="""\b
Examples:
  pippin config check pippin.yaml
  PIPPIN_CONFIG=models.yaml pippin config check

\b
Exit codes: 0 all is well, 1 it is not.
"""
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
def check(file: Path | None) -> None:
    """Say what is wrong with a configuration file, by line, without starting anything.

    FILE is that of PIPPIN_CONFIG if it is not given.
    """
    given = file or os.environ.get(variable_name("config"))
    if not given:
        raise click.UsageError("name a FILE, or set PIPPIN_CONFIG")
    try:
        found = gather({"config": Path(given)}, os.environ)
        entries = [one for one in Catalogue(found.settings).entries if one.source == "configured"]
    except BadSettings as error:
        _fail("\n  ".join(error.problems))
    except ValueError as error:
        _fail(f"{given}: {error}")
    for note in found.notes:
        click.echo(f"Note: {note}")
    if bad := [f"{one.name}: {one.problem}" for one in entries if one.problem]:
        _fail("\n  ".join(bad))
    click.echo(f"{given}: all is well; models: {', '.join(one.name for one in entries)}")


def show(**given: Any) -> None:
    """Show the settings in force, and where each comes from. Keys are not shown."""
    found = in_force(given)
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    show_table(("Setting", "Value", "From"), _rows(found))


def _rows(found: InForce) -> Iterator[tuple[str, str, str]]:
    settings = found.settings
    for name in Settings.model_fields:
        if name != "models":
            yield name, written(getattr(settings, name)), str(found.origin(name))
    for number, model in enumerate(settings.models):
        origins = found.of_models[number] if found.of_models else {}
        for name in ModelSettings.model_fields:
            value = getattr(model, name)
            if name == "model" or value != ModelSettings.model_fields[name].default:
                origin = origins.get(name) or found.origin("models")
                yield f"models[{number}].{name}", written(value), str(origin)


def _fail(words: str) -> NoReturn:
    click.echo(f"Error: {words}", err=True)
    sys.exit(1)


command.add_command(
    GroupedCommand(
        "show",
        callback=show,
        params=[click.Argument(["models"], nargs=-1, metavar="[MODEL]..."), *setting_flags()],
        help=show.__doc__,
        epilog="""\b
Examples:
  pippin config show
  pippin config show --config pippin.yaml --port 9000
  pippin config show --config pippin.yaml | grep ^models
""",
    )
)
