"""Those that wait, kept in order: what a step looks up costs the same however many they are."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from heapq import heappop, heappush, merge
from itertools import count, groupby, islice

from pippin.engine.scheduling.order import AGEING_S, RANKS, Order
from pippin.engine.scheduling.work import Prefill

Key = tuple[float, int, int]


class Line:
    """Owned by the scheduler. Nothing that counts for the order of a prefill is changed while it
    stands here, but for what tenants were served and who is awaited."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._levels = [_Level() for _ in RANKS]
        self._places: dict[Prefill, int] = {}
        """The level of each."""
        self._ageing: list[tuple[float, int, int, Prefill]] = []
        """A heap: when who leaves which level for a better one. Who is gone is skipped."""
        self._number = count()

    def enter(self, prefill: Prefill) -> None:
        self._stand(prefill, self._order.level(prefill))

    def leave(self, prefill: Prefill) -> None:
        self._levels[self._places.pop(prefill)].remove(prefill)

    def grow_older(self, now: float) -> None:
        """From now on it is this time, in seconds, for the order, too."""
        self._order.now = now
        while self._ageing and self._ageing[0][0] <= now:
            _, _, level, prefill = heappop(self._ageing)
            if self._places.get(prefill) == level:
                self.leave(prefill)
                self._stand(prefill, level - 1)

    def by_rank(self, longest: Callable[[int], float]) -> Iterator[Prefill]:
        """In the order of ``Order.rank``, up to the awaited one, behind which nobody may begin.
        ``longest(level)``: tokens; who has more to compute is left out."""
        served = self._order.shares.of
        return self._up_to_awaited(lambda n: self._levels[n].by_rank(served, longest(n)))

    def by_age(self) -> Iterator[Prefill]:
        """In the order of ``Order.rank_by_age``, the same."""
        return self._up_to_awaited(lambda n: iter(self._levels[n].by_age))

    def _up_to_awaited(self, those: Callable[[int], Iterator[Prefill]]) -> Iterator[Prefill]:
        awaited = self._order.awaited
        for level in range(len(self._levels)):
            if awaited and self._places.get(awaited) == level:
                yield awaited
                return
            yield from those(level)

    def _stand(self, prefill: Prefill, level: int) -> None:
        self._places[prefill] = level
        self._levels[level].add(prefill)
        if level:
            job = prefill.job
            until = job.arrived + AGEING_S * (RANKS[job.priority] - level + 1)
            heappush(self._ageing, (until, next(self._number), level, prefill))


class _Level:
    """Those of one level: by age, and by shortness for each tenant."""

    def __init__(self) -> None:
        self.by_age: list[Prefill] = []
        self._by_tenant: defaultdict[str, list[Prefill]] = defaultdict(list)

    def add(self, prefill: Prefill) -> None:
        insort(self.by_age, prefill, key=_age)
        insort(self._by_tenant[prefill.job.tenant], prefill, key=_shortness)

    def remove(self, prefill: Prefill) -> None:
        tenant = prefill.job.tenant
        of_tenant = self._by_tenant[tenant]
        del self.by_age[bisect_left(self.by_age, _age(prefill), key=_age)]
        del of_tenant[bisect_left(of_tenant, _shortness(prefill), key=_shortness)]
        if not of_tenant:
            del self._by_tenant[tenant]

    def by_rank(self, served: Callable[[str], int], longest: float) -> Iterator[Prefill]:
        for _, equals in groupby(sorted(self._by_tenant, key=served), key=served):
            yield from merge(*(self._up_to(longest, each) for each in equals), key=_shortness)

    def _up_to(self, longest: float, tenant: str) -> Iterator[Prefill]:
        those = self._by_tenant[tenant]
        return islice(those, bisect_right(those, longest, key=_tokens))


def _tokens(prefill: Prefill) -> float:
    return prefill.expected


def _age(prefill: Prefill) -> Key:
    id_, choice = prefill.id
    return prefill.job.arrived, id_, -1 if choice is None else choice


def _shortness(prefill: Prefill) -> tuple[int, Key]:
    return prefill.expected, _age(prefill)
