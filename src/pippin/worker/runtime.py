"""What computes a model, as the rest of a worker sees it: the same for every runtime."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.worker import WorkerOptions
from pippin.engine.lane import Deliver, Job, Output
from pippin.memory.text import Text
from pippin.models.adapter_names import AdapterNames
from pippin.models.resolve import Progress
from pippin.worker.language import Language

MakeText = Callable[[str, Sequence[int], bytes], Text]
"""A salt, a prompt's tokens and its adapter's digest → the prompt as the memory of prompts knows
it."""


class Engine(Protocol):
    """Continuous batching over one model. One thread uses it; only ``fits`` is for any."""

    progress: int
    """Tokens taken in and things put out, ever: while it stands still nothing is done."""

    def submit(self, job: Job) -> None:
        """Take a job in."""

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """Stop a job, or one choice of it, wherever it is. Unknown ids are no error."""

    def step(self, deliver: Deliver | None = None) -> list[Output]:
        """One round of work. ``deliver`` may get what comes out long before the end."""

    def tidy(self) -> bool:
        """Work that waits for calm moments. False: there is none left."""

    def fits(self, choices: int) -> int:
        """Tokens that each of so many lanes of one job may have, prompt and answer."""

    @property
    def idle(self) -> bool:
        """Nothing to compute; jobs may still wait for the disk."""

    @property
    def fetching(self) -> bool:
        """Whether jobs wait for the disk."""

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting."""

    @property
    def figures(self) -> MemoryFigures:
        """Of the memory of prompts."""

    def forget_prompts(self) -> Future[None]:
        """Forget all prompts, on disk too when the future is done."""

    def close(self, flush_s: float) -> None:
        """The last call: write what is still to be remembered, for so long at most."""

    def check_integrity(self) -> None:
        """To be called when idle. Raises ``IntegrityError``: something is left over."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is ready."""

    engine: Engine
    language: Language
    info: ModelInfo
    text: MakeText | None
    """Of the memory of prompts; ``None``: nothing is remembered."""
    adapters: AdapterNames = field(default_factory=AdapterNames)


Load = Callable[[WorkerOptions, Progress, Callable[[], None]], Served]
"""Called on the engine thread; the last argument wakes it, from any thread. Raises ``CannotLoad``
in words for the operator."""
