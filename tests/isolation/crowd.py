"""Jobs that come to a server one after another, the more urgent ones later."""

from collections import Counter
from dataclasses import replace
from typing import Any

from pippin.core.request import Priority
from pippin.engine.lane import Job
from tests.isolation.server import House, Server
from tests.isolation.talk import TURN_END, family, words

SYSTEM = [*words(1, 70), TURN_END]
PRIORITIES: tuple[Priority, ...] = ("batch", "batch", "agent", "interactive")


def crowd() -> list[Job]:
    """Twelve jobs of two families, the more urgent ones later."""
    jobs = [*family(10, SYSTEM), *family(20, words(8, 33), 10)]
    return [
        replace(each, priority=PRIORITIES[at // 3], max_tokens=8 + 5 * (at % 4))
        for at, each in enumerate(jobs)
    ]


def tight(house: House) -> dict[str, Any]:
    """Room for about three lanes, and for little else."""
    return {"max_lanes": 4, "memory_bytes": int(3.4 * house.lane_cost(200)), "prefill_budget": 24}


TOGETHER: dict[str, Any] = {"max_lanes": 4, "prefill_budget": 24}


class Crowd:
    """Jobs that come to a server one after another, three steps apart."""

    def __init__(self, server: Server, jobs: list[Job]) -> None:
        self.server = server
        self.coming = list(jobs)
        self.seen: Counter[str] = Counter()

    def step(self) -> None:
        if self.coming and self.server.steps % 3 == 0:
            self.server.submit(self.coming.pop(0))
        self.server.step()
        self.seen.update(self.server.phases.values())

    def finish(self) -> None:
        while self.coming or not self.server.engine.idle:
            self.step()
        self.server.finish()
