"""What a scenario is made of, and what it needs to make its steps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import Contender
from benchmarks.models import BenchModel
from benchmarks.records import Record
from benchmarks.tables import Maker
from benchmarks.workload import Workload

CROWDS = {1: 15, 4: 10, 16: 7, 32: 5}
"""Rounds by the number of lanes: many short ones or few long ones. A round is one wave of each
contender in turn, so that a slow spell of the machine hits them all."""
SERVERS = ("pippin", "mlx_lm", "mlx_vlm")
REMEMBERING = (*SERVERS, "mlx_vlm_apc")


@dataclass(frozen=True)
class Step:
    """Something to run that takes seconds: a label for the progress bar, and the work."""

    label: str
    run: Callable[[], list[Record]]


@dataclass(frozen=True)
class Plan:
    """What to measure on one model in one scenario."""

    model: BenchModel
    contenders: Sequence[Contender]
    crowds: Mapping[int, int]
    """Lanes -> rounds, of ``crowd``."""
    rounds: int
    """Of the other scenarios."""
    seed: int

    def workload(self, *salt: int) -> Workload:
        """The same stream of asks for every contender; never the same in two places."""
        number = self.seed
        for part in salt:
            number = number * 1_000_003 + part
        return Workload(self.model, number)

    def turns(self, round_: int) -> list[Contender]:
        """Contenders in an order that changes by the round, so that none is always first."""
        shift = round_ % len(self.contenders)
        return [*self.contenders[shift:], *self.contenders[:shift]]

    def records(
        self,
        scenario: str,
        lanes: int,
        contender: Contender,
        round_: int,
        values: dict[str, float],
        *,
        variant: str = "greedy",
    ) -> list[Record]:
        """One record, or none when the round was for warming up."""
        if not round_:
            return []
        name = contender.name
        return [Record(self.model.name, scenario, lanes, name, variant, round_, values)]


@dataclass(frozen=True)
class Scenario:
    """One thing to measure."""

    steps: Callable[[Plan], Iterator[Step]]
    contenders: Sequence[str]
    """Who takes part; others have nothing to show there."""
    tables: Mapping[str, Maker] = field(default_factory=dict)
    """Title -> what makes the table."""
    rounds: int = 3
    models: Sequence[str] = ("tiny", "mid")
    """On others it takes many minutes or has nothing to show, and must be asked for by name."""

    def quick_rounds(self) -> int:
        """For a glimpse."""
        return max(1, (self.rounds + 1) // 3)
