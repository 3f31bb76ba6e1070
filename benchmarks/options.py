"""The command line of ``python -m benchmarks``."""

import argparse
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kinds import INSTALLED, LABELS
from benchmarks.models import SHAPES
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.plan import CROWDS as CROWD_ROUNDS

HERE = Path(__file__).resolve().parent
CROWDS = {f"c{lanes}": lanes for lanes in CROWD_ROUNDS}
NAMES = [*CROWDS, *(name for name in SCENARIOS if name != "crowd")]


@dataclass(frozen=True)
class Options:
    """What to measure, how often, and where to put it."""

    models: list[str]
    contenders: list[str]
    only: list[str]
    quick: bool
    rounds: int | None
    seed: int
    blas_threads: int
    cache: Path
    results: Path
    markdown: Path | None
    earlier: Path | None

    def scenarios(self, model: str) -> list[str]:
        """Names of ``SCENARIOS``, in their order there; ``same`` always, as it guards the rest."""
        if not self.only:
            return [name for name, known in SCENARIOS.items() if model in known.models]
        names = {"crowd" if name in CROWDS else name for name in self.only} | {"same"}
        return [name for name in SCENARIOS if name in names]

    def taking_part(self, scenarios: Iterable[str]) -> list[str]:
        """The chosen contenders that have something to do in one of these."""
        needed = {name for scenario in scenarios for name in SCENARIOS[scenario].contenders}
        return [name for name in self.contenders if name in needed]

    @property
    def crowds(self) -> dict[int, int]:
        """Lanes -> rounds."""
        lanes = [n for name, n in CROWDS.items() if not self.only or name in self.only]
        return {n: self.rounds or (3 if self.quick else CROWD_ROUNDS[n]) for n in lanes}

    def rounds_of(self, scenario: str) -> int:
        """Of any scenario but ``crowd``."""
        known = SCENARIOS[scenario]
        return self.rounds or (known.quick_rounds() if self.quick else known.rounds)


def parse(arguments: Sequence[str]) -> Options:
    """Ends the program with a message when they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=_DESCRIPTION)
    _choices(parser)
    _places(parser)
    given = vars(parser.parse_args(arguments))
    given["models"] = given["models"] or (["tiny"] if given["quick"] else list(SHAPES))
    return Options(**given)


_INSTALLED_HELP = f"some of {', '.join(LABELS)}; default all that are installed"
_DESCRIPTION = "Measures Pippin beside the in-process limit and beside other servers, in one run."


def _choices(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--models", type=_some_of(SHAPES), help=_help(SHAPES))
    add("--contenders", type=_some_of(LABELS), default=INSTALLED, help=_INSTALLED_HELP)
    add("--only", type=_some_of(NAMES), default=[], help=_help(NAMES))
    add("--quick", action="store_true", help="the tiny model and few rounds: some minutes")
    add("--rounds", type=int, help="of every scenario; default 15 to 1, quick 3 to 1")
    add("--seed", type=int, default=1, help="of the prompts")
    add("--blas-threads", type=int, default=1, help="of every contender; default 1")


def _places(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cache", type=Path, default=HERE / ".cache", help="where the models are kept")
    add("--results", type=Path, default=HERE / "results", help="folder for JSON and server logs")
    add("--markdown", type=Path, metavar="PAGE", help="also write the tables to this page")
    add("--from", type=Path, dest="earlier", metavar="JSON", help="show an earlier run's results")


def _help(known: Iterable[str]) -> str:
    return f"some of {', '.join(known)}; default all"


def _some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        chosen = [name.strip() for name in text.split(",")]
        if strangers := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{strangers[0]!r} is none of {', '.join(known)}")
        return chosen

    return split
