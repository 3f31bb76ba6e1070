"""Runs ``pippin serve`` as it is, but with workers whose models do harm (``faulty_worker``)."""

import functools
import sys
from pathlib import Path

from pippin.cli import serve
from pippin.fleet.fleet import Fleet

WORKER = Path(__file__).parent / "faulty_worker.py"


def main() -> None:
    command = (sys.executable, "-P", str(WORKER))
    setattr(serve, "Fleet", functools.partial(Fleet, command=command))  # noqa: B010
    serve.command.main(sys.argv[2:], prog_name="pippin serve")


if __name__ == "__main__":
    main()
