"""The memory of prompts: what the engine asks and tells, over both tiers."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from pippin.core.memory import MemoryFigures, ReuseReason, Tier
from pippin.memory.blocks import BLOCK, chain, root_key
from pippin.memory.disk import DiskTier
from pippin.memory.planes import Snapshot, planes_of, snapshot_of
from pippin.memory.ram import RamTier
from pippin.memory.records import BadRecord, StoredRun
from pippin.memory.runs import Match, Run
from pippin.memory.tensors import Plane

log = logging.getLogger(__name__)

MIN_REUSE = 16
"""Fewer tokens are computed faster than put back."""
MIN_NEW = 8
"""Fewer new tokens are not worth a run of their own."""
MIN_FETCH = 32
"""Tokens that the disk must have beyond RAM to be read."""
MIN_SAVED = 128
"""New tokens that a record should bring: a disk wears by small writes, too."""
SAVE_QUEUE = 64
ROUNDING_BYTES = 32 << 10
"""MLX copies nothing that leaves less than 16 KiB of its buffer unused, and rounds to pages."""


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Tokens of one sequence, and the keys of their blocks."""

    tokens: npt.NDArray[np.int32]
    keys: tuple[bytes, ...]
    """``keys[0]`` is the root: model and salt."""

    @classmethod
    def of(cls, root: bytes, tokens: Sequence[int]) -> "Text":
        array = np.array(tokens, dtype=np.int32)
        return cls(array, chain(root, array))

    def extended(self, more: Sequence[int]) -> "Text":
        """This text and further tokens."""
        tokens = np.concatenate([self.tokens, np.array(more, dtype=np.int32)])
        whole = (len(self.keys) - 1) * BLOCK
        return Text(tokens, self.keys[:-1] + chain(self.keys[-1], tokens[whole:]))

    def until(self, length: int) -> "Text":
        """Its first tokens."""
        return Text(self.tokens[:length], self.keys[: length // BLOCK + 1])

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What of a prompt was reused, and why no more. Positions and tokens as in ``Reuse``."""

    tier: Tier
    matched: int
    reason: ReuseReason
    position: int | None = None
    asked: int | None = None
    remembered: int | None = None


@dataclass(slots=True)
class Counters:
    prompts: int = 0
    hits: int = 0
    disk_hits: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0


@dataclass(slots=True)
class _Saving:
    """A run that is being turned into bytes, array by array."""

    run: Run[Snapshot]
    planes: Iterator[Plane]
    done: list[Plane] = field(default_factory=list)


class PromptMemory:
    """Owned by the engine; all methods are for its thread but where they say otherwise.

    The disk is read on a thread of its own and written on another; both see bytes only.
    """

    def __init__(
        self,
        *,
        fingerprint: bytes,
        needs_state: bool,
        ram_bytes: int,
        slots: int | None = None,
        min_tokens: int = 0,
        disk: DiskTier | None = None,
        on_fetched: Callable[[], None] = lambda: None,
    ) -> None:
        """``needs_state``: the model has caches that cannot be cut. ``on_fetched`` is called on
        the reading thread when something waits for ``fetched``."""
        self.needs_state = needs_state
        self.ram_bytes = ram_bytes
        self._fingerprint = fingerprint
        self._min_tokens = min_tokens
        self._ram: RamTier[Snapshot] = RamTier(
            needs_state=needs_state, budget_bytes=ram_bytes, slots=slots
        )
        self._disk = disk
        self._on_fetched = on_fetched
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="memory-reader")
        self._fetched: deque[tuple[int, list[StoredRun]]] = deque()
        self._to_save: deque[Run[Snapshot]] = deque()
        self._saving: _Saving | None = None
        self._counters = Counters()

    def root(self, salt: str) -> bytes:
        """The first key of every text under this salt. Any thread."""
        return root_key(self._fingerprint, salt)

    # -- looking up ------------------------------------------------------------------------------

    def known(self, text: Text, limit: int) -> int:
        """Tokens that could be reused at once: a hint, nothing is counted."""
        length = self._ram.match(text.tokens, text.keys, limit).length
        return length if length >= MIN_REUSE else 0

    def recall(self, text: Text, limit: int) -> Match[Snapshot] | None:
        """What can be reused of a prompt's first ``limit`` tokens. Counts as a use."""
        self._counters.prompts += 1
        self._counters.prompt_tokens += len(text)
        if len(text) < self._min_tokens:
            return None
        match = self._ram.match(text.tokens, text.keys, limit)
        if match.length < MIN_REUSE:
            return None
        self._ram.touch(match.pieces)
        self._counters.hits += 1
        self._counters.cached_tokens += match.length
        return match

    def explain(self, text: Text, limit: int, from_disk: bool) -> Explanation:
        """Of the recall that comes next, or has just been."""
        if len(text) < self._min_tokens:
            return Explanation("none", 0, "short")
        match = self._ram.match(text.tokens, text.keys, limit)
        matched = match.length if match.length >= MIN_REUSE else 0
        tier: Tier = "none" if not matched else "disk" if from_disk else "ram"
        if matched == limit:
            return Explanation(tier, matched, "whole")
        reason = self._reason(text, match)
        if match.rival is None or match.seen >= len(text):
            return Explanation(tier, matched, reason)
        asked = int(text.tokens[match.seen])
        return Explanation(tier, matched, reason, match.seen, asked, match.rival)

    def _reason(self, text: Text, match: Match[Snapshot]) -> ReuseReason:
        following = text.keys[match.seen // BLOCK + 1 :][:1]
        if any(map(self._ram.was_evicted, following)):
            return "evicted"
        if match.seen == 0:
            return "unknown"
        if self.needs_state and match.length < match.seen:
            return "no_checkpoint"
        return "ends" if match.rival is None else "differs"

    # -- the disk, inward ------------------------------------------------------------------------

    def fetch(self, job_id: int, text: Text, limit: int) -> bool:
        """Begin to read what the disk has beyond RAM. False: nothing worth it. What was read
        comes by ``fetched``, under the same id."""
        disk = self._disk
        if disk is None or len(text) < self._min_tokens:
            return False
        held = self._ram.match(text.tokens, text.keys, limit).length
        if disk.covers(text.tokens, text.keys, limit) < held + MIN_FETCH:
            return False
        self._reader.submit(self._read, disk, job_id, text, limit, held)
        return True

    def fetched(self) -> Iterator[tuple[int, bool]]:
        """The ids whose reading is over, and whether it brought anything: it is in RAM now."""
        while self._fetched:
            job_id, runs = self._fetched.popleft()
            yield job_id, self._stage(runs)

    def _read(self, disk: DiskTier, job_id: int, text: Text, limit: int, held: int) -> None:
        """On the reader's thread."""
        runs: list[StoredRun] = []
        try:
            runs = disk.read(text.tokens, text.keys, limit, held)
        except Exception:
            log.exception("the disk's memory of prompts could not be read")
        finally:
            self._fetched.append((job_id, runs))
            self._on_fetched()

    def _stage(self, stored: Iterable[StoredRun]) -> bool:
        came = False
        for run in stored:
            try:
                snapshot = snapshot_of(run.planes)
                staged = Run(run.start, run.tokens, run.keys, snapshot, run.has_state)
                came = self._ram.add(staged) or came
            except (BadRecord, ValueError) as error:
                log.warning("a record of prompts does not fit: %s", error)
                break
        self._counters.disk_hits += came
        return came

    # -- remembering -----------------------------------------------------------------------------

    def remember(self, text: Text, take: Callable[[int, int], Snapshot]) -> None:
        """Keep what is new of a sequence that has just been computed. ``take(low, high)`` copies
        it out of the caches, whose state is that after the text's last token."""
        if len(text) < max(self._min_tokens, 1):
            return
        match = self._ram.match(text.tokens, text.keys, len(text))
        self._ram.touch(match.pieces)
        missing = len(text) - match.length
        if not missing or (not self.needs_state and missing < MIN_NEW):
            return
        start = min(match.seen, len(text) - 1) // BLOCK * BLOCK
        snapshot = take(start, len(text))
        run = Run(
            start, text.tokens[start:], text.keys[start // BLOCK :], snapshot, self.needs_state
        )
        if self._ram.add(run):
            self._plan_saving(text)

    def forget(self, text: Text) -> None:
        """Nothing that this text was put together from is to be used again."""
        match = self._ram.match(text.tokens, text.keys, len(text))
        self._ram.forget(match.pieces)

    def limit_ram(self, bytes_: int) -> None:
        """RAM that may be used now: never more than was given at the start."""
        budget = max(0, min(self.ram_bytes, bytes_))
        if budget != self._ram.budget_bytes:
            self._ram.budget_bytes = budget

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self._ram.clear()
        self._to_save.clear()
        self._saving = None
        if self._disk:
            self._disk.clear()

    # -- the disk, outward -----------------------------------------------------------------------

    def save_some(self, max_bytes: int) -> bool:
        """Turn waiting runs into bytes for the disk, about so many. False: nothing waits."""
        while max_bytes > 0 and self._disk:
            saving = self._saving or self._next_saving(self._disk)
            if saving is None:
                return False
            self._saving = saving
            plane = next(saving.planes, None)
            if plane is None:
                self._write(self._disk, saving)
                self._saving = None
            else:
                saving.done.append(plane)
                max_bytes -= len(plane.data)
        return self._disk is not None

    def _plan_saving(self, text: Text) -> None:
        """Queue the unsaved runs of a text, if together they are worth it."""
        if self._disk is None:
            return
        path = self._ram.match(text.tokens, text.keys, len(text)).pieces
        unsaved = [piece.run for piece in path if not piece.run.payload.saved]
        worth = sum(len(run.tokens) for run in unsaved) >= MIN_SAVED
        if worth and len(self._to_save) + len(unsaved) <= SAVE_QUEUE:
            self._to_save.extend(run for run in unsaved if run not in self._to_save)

    def _next_saving(self, disk: DiskTier) -> _Saving | None:
        while self._to_save:
            run = self._to_save.popleft()
            if run.held and not run.payload.saved and disk.wants(run):
                return _Saving(run, planes_of(run.payload))
        return None

    def _write(self, disk: DiskTier, saving: _Saving) -> None:
        run = saving.run
        stored = StoredRun(run.start, run.tokens, run.keys, tuple(saving.done), run.has_state)
        run.payload.saved = disk.write(stored)

    def close(self, flush_s: float) -> None:
        """Write what waits, for so long at most, and end the threads."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        if self._disk:
            self._disk.close(flush_s)

    # -- figures ---------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """Of all arrays that are kept."""
        return self._ram.nbytes

    @property
    def rounding_bytes(self) -> int:
        """What all arrays may take in memory beyond ``nbytes``, at most."""
        return sum(len(run.payload.arrays) for run in self._ram) * ROUNDING_BYTES

    def check(self) -> None:
        """Raises: ValueError if the books do not balance."""
        self._ram.check()

    @property
    def figures(self) -> MemoryFigures:
        ram, disk, count = self._ram, self._disk, self._counters
        figures = MemoryFigures(
            enabled=True,
            ram_bytes=ram.nbytes,
            ram_budget_bytes=self.ram_bytes,
            ram_runs=len(ram),
            ram_tokens=ram.tokens,
            disk_enabled=disk is not None,
            prompts=count.prompts,
            hits=count.hits,
            disk_hits=count.disk_hits,
            prompt_tokens=count.prompt_tokens,
            cached_tokens=count.cached_tokens,
            evicted_runs=ram.evictions,
        )
        return msgspec.structs.replace(figures, **disk.figures) if disk else figures
