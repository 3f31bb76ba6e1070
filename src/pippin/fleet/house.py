"""Who is loaded, and who makes room: applies the plan of ``room`` whenever something changes."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

from pippin.fleet.demand import now
from pippin.fleet.room import Plan, plan
from pippin.fleet.supervisor import Supervisor

logger = logging.getLogger(__name__)

LOOK_S = 0.25
"""How often to look while somebody waits, or a model is to be unloaded when it has been idle."""
GIB = 1024**3


class House:
    """Owned by the fleet; on the event loop."""

    def __init__(self, supervisors: Callable[[], Iterable[Supervisor]], limit: int) -> None:
        """``limit``: bytes of all workers together."""
        self._supervisors = supervisors
        self._limit = limit
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something has changed."""
        self._news.set()

    async def keep(self) -> None:
        """Until it is cancelled. An error is logged, and looked past: without this nobody would
        ever be loaded again."""
        while True:
            self._news.clear()
            try:
                watch = self.tidy()
            except Exception:
                logger.exception("the models cannot be kept in order; it is tried again")
                watch = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if watch else None):
                    await self._news.wait()

    def tidy(self) -> bool:
        """Do what is to be done now. Returns whether time alone may bring more to do."""
        by_name = {one.name: one for one in self._supervisors()}
        if any(one.presence.awaited for one in by_name.values()):
            for supervisor in by_name.values():
                supervisor.measure()
        standings = [one.presence.standing() for one in by_name.values()]
        made = plan(standings, self._limit, now())
        for name, supervisor in by_name.items():
            supervisor.presence.drain(name in made.drain)
        for name in made.unload:
            logger.info("%s: unloading, to make room or because it was idle", name)
            by_name[name].end()
        for name in made.load:
            by_name[name].load()
        for name in made.refuse:
            self._refuse(by_name[name])
        self._postpone(made, by_name)
        return any(one.wanted_since is not None or one.ttl_s for one in standings)

    def _refuse(self, supervisor: Supervisor) -> None:
        supervisor.presence.refuse(
            f"it needs about {supervisor.presence.size / GIB:.1f} GiB, and --memory-limit is "
            f"{self._limit / GIB:.1f} GiB for all models together"
        )
        logger.error("%s: %s", supervisor.name, supervisor.presence.reason)

    def _postpone(self, made: Plan, by_name: dict[str, Supervisor]) -> None:
        for name in made.postpone:
            by_name[name].presence.refuse("there is no room for it beside the others yet")
            logger.warning(
                "%s: there is no room for it beside the others; it is loaded when it is asked "
                "for, in the place of another one (--memory-limit is %.1f GiB)",
                name,
                self._limit / GIB,
            )
