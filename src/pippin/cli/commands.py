"""The commands by name, and where each is found."""

import importlib
from typing import NamedTuple

import click

from pippin import __version__


class Entry(NamedTuple):
    """One command: the help of the list, and the module that is imported when it is called."""

    summary: str
    module: str
    """Holds the command in an attribute called ``command``."""


COMMANDS = {
    "serve": Entry("Serve models over HTTP.", "pippin.cli.serve"),
    "models": Entry("List, show, download or remove models.", "pippin.cli.models"),
    "config": Entry("Make, check and show configuration files.", "pippin.cli.config"),
    "convert": Entry("Convert a model to fewer bits.", "pippin.cli.convert"),
    "cache": Entry("Show or clear the prompts remembered on disk.", "pippin.cli.cache"),
    "doctor": Entry("Say what Pippin runs on here, and what would be faster.", "pippin.cli.doctor"),
    "version": Entry("Print the version.", "pippin.cli.version"),
}

EPILOG = """\b
Examples:
  pippin serve                          the demo model, on http://127.0.0.1:8000
  pippin serve mlx-community/Qwen3-4B-4bit
  pippin serve small=./models/small --port 9000
  pippin cache stats                    what is remembered on disk
  pippin doctor
"""


class LazyGroup(click.Group):
    """Imports a command only when it is called, so that ``--help`` is quick.

    This is the one place where a module is imported by its name.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(entry.module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            known = ", ".join(COMMANDS)
            ctx.fail(f"there is no command {args[0]!r}; the commands are {known}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pippin", message="%(prog)s %(version)s")
def main() -> None:
    """One inference server for MLX models: OpenAI's API, on a Mac and on Linux."""
