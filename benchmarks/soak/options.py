"""The command line of ``python -m benchmarks.soak``."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOG = Path(__file__).resolve().parent.parent / "results" / "soak.log"


@dataclass(frozen=True)
class Options:
    """How long, how hard, and with what."""

    model: str
    minutes: float
    clients: int
    seed: int
    memory: str
    cache_ram: str
    cache_disk: str
    log: Path


def parse(arguments: Sequence[str]) -> Options:
    """Ends the program with a message when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Mixed work under pressure: memory has to stay flat, every answer right.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--minutes", type=_minutes, default=5.0, help="of work, after the references")
    add("--model", default="demo", help="what to serve, as 'pippin serve' names it")
    add("--clients", type=int, default=20, help="who ask at once; more than the queue takes")
    add("--seed", type=int, default=1, help="of what is asked")
    add("--memory", default="128MiB", help="of the server's caches: small, so that they contend")
    add("--cache-ram", default="24MiB", help="of remembered prompts in RAM")
    add("--cache-disk", default="64MiB", help="of remembered prompts on disk")
    add("--log", type=Path, default=LOG, help="where the server's log is kept")
    return Options(**vars(parser.parse_args(arguments)))


def _minutes(text: str) -> float:
    minutes = float(text)
    if minutes < 0.5:
        raise argparse.ArgumentTypeError("half a minute is the least by which memory can be judged")
    return minutes
