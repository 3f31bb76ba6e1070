"""The clients of a soak, and what they have seen."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.soak.caller import Outcome, make
from benchmarks.soak.traffic import Call, Traffic

PAUSE_S = 1.0
"""After a refusal."""
KEPT_FAULTS, FAULT_CHARACTERS = 20, 600


class NoReference(Exception):
    """An answer could not be had even alone."""


@dataclass
class Seen:
    """Counts of a soak; owned by its crew."""

    endings: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    """Answers that were compared with those that were taken alone."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    faults: list[str] = field(default_factory=list)
    """The first of them, in words."""

    @property
    def wrong(self) -> int:
        return self.endings["wrong"]


class Crew:
    """So many clients, each with one call at a time. Used on one loop."""

    def __init__(self, traffic: Traffic, port: int) -> None:
        self.seen = Seen()
        self._traffic = traffic
        self._port = port
        self._right: dict[int, tuple[str, int]] = {}

    async def learn(self) -> None:
        """Take the references' answers, one alone after another. Raises NoReference."""
        for number, call in enumerate(self._traffic.references):
            outcome = await make(call, self._port)
            if outcome.exchange is None:
                raise NoReference(f"reference {number}: {outcome.ending}; {outcome.fault}")
            self._right[number] = _told(outcome)

    async def work(self, clients: int, until: float) -> None:
        """Until ``time.monotonic()`` says so, and every call has ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(until))

    async def _client(self, until: float) -> None:
        while time.monotonic() < until:
            call = self._traffic.draw()
            outcome = self._compared(call, await make(call, self._port))
            self._note(call, outcome)
            text = outcome.exchange.text if outcome.exchange else None
            self._traffic.heard(call, text)
            if outcome.ending == "busy":
                await asyncio.sleep(PAUSE_S)

    def _compared(self, call: Call, outcome: Outcome) -> Outcome:
        if call.reference is None or outcome.exchange is None:
            return outcome
        self.seen.compared += 1
        right, told = self._right[call.reference], _told(outcome)
        if told == right:
            return outcome
        fault = f"reference {call.reference}: alone it was {right!r}, now it is {told!r}"
        return Outcome("wrong", fault=fault)

    def _note(self, call: Call, outcome: Outcome) -> None:
        self.seen.endings[outcome.ending] += 1
        if outcome.fault and len(self.seen.faults) < KEPT_FAULTS:
            fault = " ".join(outcome.fault.split())[:FAULT_CHARACTERS]
            self.seen.faults.append(f"{call.path}, stream {call.body['stream']}: {fault}")
        if outcome.exchange:
            usage = outcome.exchange.usage
            details = usage.get("prompt_tokens_details") or {}
            self.seen.prompt_tokens += usage["prompt_tokens"]
            self.seen.cached_tokens += details.get("cached_tokens", 0)
            self.seen.completion_tokens += usage["completion_tokens"]


def _told(outcome: Outcome) -> tuple[str, int]:
    """What has to be the same each time: the text, and how many tokens it took."""
    if outcome.exchange is None:
        raise NoReference(outcome.fault)
    return outcome.exchange.text, outcome.exchange.usage["completion_tokens"]
