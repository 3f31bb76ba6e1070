"""``pippin serve``: settings from flags, a fleet, a server, and an exit code."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console

from pippin.cli.flags import GroupedCommand, setting_flags
from pippin.cli.given import in_force
from pippin.cli.listening import CannotListen, listen
from pippin.cli.logs import configure_logging
from pippin.cli.running import run
from pippin.fleet.fleet import Fleet
from pippin.settings import Settings

logger = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  pippin serve
  pippin serve ./my-model other=org/repo --port 9000
  pippin serve --config pippin.yaml
  PIPPIN_API_KEYS=secret pippin serve --host 0.0.0.0
  pippin serve ./my-model --memory 24GiB --cache-ram 16GiB --cache-disk 50GiB
  pippin serve ./my-model --max-concurrency 8 --queue-size 32 --queue-timeout 60

\b
Every flag is also an environment variable: --max-lanes is PIPPIN_MAX_LANES. One with
a unit ends in it: PIPPIN_MAX_BODY_BYTES, PIPPIN_RECEIPT_TIMEOUT_S. A repeatable one
has an s and commas: PIPPIN_API_KEYS=one,two. A key in the environment is not seen by
other users of this machine; one on the command line is.

\b
Flags go before the environment, and both before a configuration file; `pippin config`
makes, checks and shows one.

\b
Exit codes: 0 ended as asked, 1 could not start, 2 wrong usage.
"""


def serve(**given: Any) -> None:
    """Serve models over HTTP, in the words of OpenAI's API.

    MODEL is `demo` (the default), a folder, a Hugging Face repository, or NAME=WHERE
    to choose the name that clients use.
    """
    found = in_force(given)
    sys.exit(start(found.settings, notes=found.notes))


def start(settings: Settings, fleet: Fleet | None = None, notes: Sequence[str] = ()) -> int:
    """Serve until told to end. Returns the exit code; what went wrong is on stderr.

    ``notes``: what the operator said without effect, for the log.
    """
    console = Console(highlight=False)
    configure_logging(settings.log_level, console)
    for note in notes:
        logger.warning("%s", note)
    try:
        fleet = fleet or Fleet(settings)
        sockets = listen(settings.host, settings.port)
    except (ValueError, CannotListen) as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    return run(settings, fleet, sockets, console)


command = GroupedCommand(
    "serve",
    callback=serve,
    params=[click.Argument(["models"], nargs=-1, metavar="[MODEL]..."), *setting_flags()],
    help=serve.__doc__,
    epilog=EPILOG,
)
