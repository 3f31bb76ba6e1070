"""The command line. Importing it is cheap: a command's own modules load when it is called."""

from pippin.cli.commands import main

__all__ = ["main"]
