"""``pippin version``."""

import click

from pippin import __version__


@click.command()
def command() -> None:
    """Print the version."""
    click.echo(f"pippin {__version__}")
