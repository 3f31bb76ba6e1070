"""``pippin convert``: a model in fewer bits, as a folder of one's own."""

import sys
from pathlib import Path

import click

from pippin.cli.conversion import ConversionFailed, convert
from pippin.cli.progress import shown
from pippin.core.conversion import Conversion
from pippin.core.worker import Quantisation
from pippin.fleet.catalogue.naming import is_path
from pippin.fleet.process import BITS

MIB = 1 << 20


@click.command(
    epilog="""\b
Examples:
  pippin convert Qwen/Qwen3-4B --quantize q4
  pippin convert ./models/mine --quantize q8 --output ./models/mine-q8
  pippin convert demo --quantize q4 --group-size 32

\b
The folder is served by 'pippin serve FOLDER', and by any other program of MLX's. To serve a model
in fewer bits without a folder of its own: 'pippin serve MODEL --quantize q4'.

\b
Exit codes: 0 converted, 1 it failed and nothing was written, 2 a mistake on the command line,
130 interrupted.
"""
)
@click.argument("model")
@click.option("--quantize", required=True, type=click.Choice(list(BITS)), help="Bits per weight.")
@click.option(
    "--group-size",
    type=click.Choice(["32", "64", "128"]),
    default="64",
    show_default=True,
    help="Weights that share a scale.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write. Not given: the model's name and the bits, here.",
)
@click.option("--force", is_flag=True, help="Replace the output folder if it is there.")
def command(model: str, quantize: str, group_size: str, output: Path | None, force: bool) -> None:
    """Convert a model to fewer bits.

    MODEL is a folder, or a repository org/name[@revision], which is downloaded if need be. The
    result is a model folder of MLX's usual kind; it appears when it is complete.
    """
    path = is_path(model)
    where = str(Path(model).expanduser().resolve()) if path else model
    target = (output or Path(f"{_own_name(where, path=path)}-{quantize}")).expanduser().absolute()
    _check(target, Path(where) if path else None, force=force)
    wanted = Quantisation(bits=BITS[quantize], group_size=int(group_size))
    try:
        with shown() as show:
            size = convert(Conversion(model=where, wanted=wanted, output=str(target)), show)
    except ConversionFailed as error:
        click.echo(f"Nothing was converted: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("Interrupted: nothing was converted.", err=True)
        sys.exit(130)
    click.echo(f"{target}: {size / MIB:.1f} MiB of weights")


def _own_name(where: str, *, path: bool) -> str:
    return Path(where).name if path else where.partition("@")[0].rpartition("/")[2]


def _check(target: Path, source: Path | None, *, force: bool) -> None:
    """Raises: click.ClickException if the output must not be written."""
    if source is not None and (target == source or target in source.parents):
        raise click.UsageError("the output would replace the model itself; choose another folder")
    if not target.exists():
        return
    if not force:
        raise click.UsageError(f"{target} is there; choose another --output, or --force")
    if not (target / "config.json").is_file():
        raise click.UsageError(f"{target} is no model folder, so it is not replaced")
