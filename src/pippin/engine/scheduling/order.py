"""Who comes first: levels that improve with age, and a fair share for every tenant."""

from collections.abc import Set

from pippin.core.request import Priority
from pippin.engine.lane import Job
from pippin.engine.scheduling.work import Prefill

AGEING_S = 20.0
"""Seconds after which a job is served like one of the next better priority."""
RANKS: dict[Priority, int] = {"interactive": 0, "agent": 1, "batch": 2}


def level_of(job: Job, now: float) -> int:
    """0 is served first. A job's age counts from its arrival, also while it runs: whoever was
    served because of its age is not put back for its priority."""
    return max(0, RANKS[job.priority] - int((now - job.arrived) / AGEING_S))


def worst_first(job: Job, now: float) -> tuple[int, float, int]:
    """Sort key of those who must give way: the worst level, and of it the youngest."""
    return -level_of(job, now), -job.arrived, -job.id


class Shares:
    """Tokens that each tenant was served. Owned by the scheduler.

    Who comes anew starts with the least that anyone present has: absence earns nothing.
    """

    def __init__(self) -> None:
        self._served: dict[str, int] = {}

    def enter(self, tenant: str) -> None:
        if tenant not in self._served:
            self._served[tenant] = min(self._served.values(), default=0)

    def add(self, tenant: str, tokens: int) -> None:
        self.enter(tenant)
        self._served[tenant] += tokens

    def of(self, tenant: str) -> int:
        return self._served[tenant]

    def keep(self, present: Set[str]) -> None:
        """Forget all other tenants."""
        for tenant in present:
            self.enter(tenant)
        self._served = {tenant: self._served[tenant] for tenant in present}


class Order:
    """The order of one moment. Owned by the scheduler, which sets the time."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.shares = Shares()
        self.awaited: Prefill | None = None
        """The large job before which none of its level or a worse one begins."""

    def level(self, prefill: Prefill) -> int:
        return level_of(prefill.job, self.now)

    def rank(self, prefill: Prefill) -> tuple[int, bool, int, int, float, int]:
        """Sort key: level, the tenant's share, shortness, age."""
        level, not_awaited, arrived, job_id = self.rank_by_age(prefill)
        served = self.shares.of(prefill.job.tenant)
        return level, not_awaited, served, prefill.expected, arrived, job_id

    def rank_by_age(self, prefill: Prefill) -> tuple[int, bool, float, int]:
        """Sort key: level, age."""
        job = prefill.job
        return self.level(prefill), prefill is not self.awaited, job.arrived, job.id
