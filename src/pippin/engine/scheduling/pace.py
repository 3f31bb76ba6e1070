"""How much prompt a step may take in while lanes decode: a budget that follows what was measured.

Every lane gets one token a step, so a step with prompt tokens in it may last ``LIMIT`` times as
long as one without, and longer only while several jobs wait and the batch is far from full: filling
it serves everybody. What a prompt token costs depends on the machine, the model and the position,
so it is measured, step by step; and so is the calm step, by leaving the prompts out of one now and
then.

Where lanes can decode in the midst of a prompt's pass (``interludes``), what they bear is how long
they wait for that, and the pass may take longer: short passes are dear.
"""

from collections import deque
from collections.abc import Callable
from statistics import median

LIMIT = 2.0
RUSH = 4
"""Times ``most`` that a step may take in while several jobs wait, and how much a waiting job counts
beside a decoding lane when its length is decided on."""
GROWTH = 2
"""The budget's growth from one step to the next, at most."""
CALM_EVERY = 16
"""Steps with prompts in them, at most, before a calm one is measured anew."""
SAMPLES = 3
"""The median of so many: one pause of the machine changes nothing."""
PASS_S = 0.1
"""What a pass that lets lanes decode may last by itself: meanwhile nobody comes or goes."""
EAGERNESS = 0.4
"""Of what lanes may wait, before they interrupt a pass: it takes a while until somebody looks, and
their step lasts longer when other work has just used the processor's cache."""


class Pace:
    """Measures the steps of one engine. Owned by it, used on its thread only. Seconds, tokens."""

    def __init__(
        self,
        most: int,
        least: int = 8,
        *,
        limit: float = LIMIT,
        lag: int = 0,
        interludes: Callable[[], bool] = lambda: False,
    ) -> None:
        """``most``: prompt tokens a step in the best case. ``least``: so many whatever they cost,
        or a prompt would never get in. ``lag``: steps between the one that queues work on the
        device and the one that waits for it. ``interludes``: whether lanes can decode within
        passes, as the newest one showed."""
        self._most = most
        self._least = min(least, most)
        self._limit = limit
        self._interludes = interludes
        self._lag = lag
        self._granted = self._least
        self._costs: deque[float] = deque(maxlen=SAMPLES)
        self._calm: dict[int, Calm] = {}
        self._felt: deque[int] = deque([0] * lag, maxlen=lag + 1)
        self._steps = 0

    def budget(self, decoding: int, waiting: int) -> int:
        """Prompt tokens of the next step, given the lanes that decode and the jobs that wait or
        are in prefill. 0: a calm step is to be measured."""
        crowd = _crowd(decoding, waiting)
        most = self._most * (RUSH if crowd > 1 else 1)
        if not decoding:
            self._granted = self._most  # which is measured now, and nobody suffers
            return most
        if not waiting:
            return most
        calm = self._calm.get(_band(decoding))
        if calm is None or self._steps - calm.measured >= CALM_EVERY:
            return 0
        self._granted = min(most, max(self._least, self._affordable(calm, crowd)))
        return self._granted

    def patience(self, decoding: int, waiting: int) -> float | None:
        """How long lanes may wait for a step while prompts go in; ``None``: for as long as these
        take."""
        calm = self._calm.get(_band(decoding)) if decoding else None
        return self._allowed(calm, _crowd(decoding, waiting)) * EAGERNESS if calm else None

    def observe(self, seconds: float, decoding: int, prefilled: int) -> None:
        """After every step: how long it took, its decoding lanes and its prompt tokens."""
        self._steps += 1
        self._felt.append(prefilled)
        prefilled = self._felt[0]
        calm = self._calm.get(_band(decoding))
        if decoding and not prefilled:
            self._calm.setdefault(_band(decoding), Calm()).add(seconds, self._steps)
        elif prefilled and (calm or not decoding):
            extra = seconds - (calm.seconds if calm else 0.0)
            self._learn(max(extra, 0.0), prefilled, calm)

    def _learn(self, extra: float, prefilled: int, calm: "Calm | None") -> None:
        """A small cheap piece says nothing of what a larger one would cost a token."""
        cheap = calm is None or extra <= self._bearable(calm, 1.0)
        if not (cheap and prefilled * GROWTH < self._granted):
            self._costs.append(extra / prefilled)

    def _affordable(self, calm: "Calm", crowd: float) -> int:
        growth = GROWTH * self._granted
        cost = median(self._costs) if self._costs else 0.0
        if not cost:
            return growth
        return min(growth, int(self._bearable(calm, crowd) / cost))

    def _bearable(self, calm: "Calm", crowd: float) -> float:
        """How long the prompts of a step may take."""
        return max(self._allowed(calm, crowd), PASS_S if self._interludes() else 0.0)

    def _allowed(self, calm: "Calm", crowd: float) -> float:
        """How much longer than in calm lanes may wait."""
        return calm.seconds * (self._limit * crowd - 1)


class Calm:
    """Steps without prompt tokens, of about as many lanes."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self.measured = 0
        """The newest sample's step."""

    @property
    def seconds(self) -> float:
        return median(self._samples)

    def add(self, seconds: float, step: int) -> None:
        if step - self.measured > SAMPLES * CALM_EVERY:
            self._samples.clear()  # of another time: lanes have grown, the machine may have slowed
        self._samples.append(seconds)
        self.measured = step


def _crowd(decoding: int, waiting: int) -> float:
    """Times longer that a step may be for the sake of those that wait; 1 for a single job, which
    may be a prompt that goes in for many steps."""
    return max(1.0, RUSH * waiting / max(1, decoding)) if waiting > 1 else 1.0


def _band(decoding: int) -> int:
    return decoding.bit_length()
