"""The memory of prompts: what the engine asks and tells, over both tiers."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

import msgspec

from pippin.core.memory import MemoryFigures
from pippin.memory.blocks import BLOCK, root_key
from pippin.memory.disk import DiskTier
from pippin.memory.explanation import Explanation, explanation
from pippin.memory.figures import Counters
from pippin.memory.planes import Snapshot, snapshot_of
from pippin.memory.ram import RamTier
from pippin.memory.reader import Reader, Wish
from pippin.memory.records import BadRecord, StoredRun
from pippin.memory.runs import Match, Run
from pippin.memory.saver import Saver
from pippin.memory.text import Text

__all__ = ["Explanation", "PromptMemory", "Text"]

log = logging.getLogger(__name__)

MIN_REUSE = 16
"""Fewer tokens are computed faster than put back."""
MIN_NEW = 8
"""Fewer new tokens are not worth a run of their own."""
MIN_FETCH = 32
"""Tokens that the disk must have beyond RAM to be read."""


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
        self._free_bytes = sys.maxsize
        """What all that is remembered may take now, bytes on their way to and from the disk too."""
        self._disk = disk
        self._reader = Reader(disk, on_fetched) if disk else None
        self._saver = Saver(disk) if disk else None
        self._era = 0
        """How often everything was forgotten."""
        self._counters = Counters()

    def text(self, salt: str, tokens: Sequence[int], adapter: bytes = b"") -> Text:
        """A prompt that was just sent. ``salt``: tenants with different ones share nothing.
        ``adapter``: the digest of the model's one that reads it. Any thread."""
        root = root_key(self._fingerprint + adapter, salt)
        return Text.of(root, tokens, self._era)

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
        return explanation(
            text,
            match,
            reused=match.length if match.length >= MIN_REUSE else 0,
            limit=limit,
            from_disk=from_disk,
            needs_state=self.needs_state,
            was_evicted=self._ram.was_evicted,
        )

    # -- the disk --------------------------------------------------------------------------------

    def fetch(self, job_id: int, text: Text, limit: int) -> bool:
        """Begin to read what the disk has beyond RAM. False: nothing worth it. What was read
        comes by ``fetched``, under the same id."""
        disk, reader = self._disk, self._reader
        if disk is None or reader is None or len(text) < self._min_tokens:
            return False
        match = self._ram.match(text.tokens, text.keys, limit)
        if disk.covers(text.tokens, text.keys, limit) < match.length + MIN_FETCH:
            return False
        held = sum(piece.run.payload.nbytes for piece in match.pieces)
        most = max(0, self._ram.budget_bytes - held)
        reader.begin(Wish(job_id, text, limit, match.length, most))
        return True

    def fetched(self) -> Iterator[tuple[int, bool]]:
        """The ids whose reading is over, and whether it brought anything: it is in RAM now."""
        for wish, runs in self._reader.taken() if self._reader else ():
            self._share_out()
            yield wish.id, wish.text.era == self._era and self._stage(runs)

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

    def save_some(self, max_bytes: int) -> bool:
        """Turn waiting runs into bytes for the disk, about so many. False: nothing waits."""
        return self._saver is not None and self._saver.save_some(max_bytes)

    # -- remembering -----------------------------------------------------------------------------

    def remember(self, text: Text, take: Callable[[int, int], Snapshot]) -> None:
        """Keep what is new of a sequence that has just been computed. ``take(low, high)`` copies
        it out of the caches, whose state is that after the text's last token; meanwhile others may
        be remembered."""
        if text.era != self._era or len(text) < max(self._min_tokens, 1):
            return
        match = self._ram.match(text.tokens, text.keys, len(text))
        self._ram.touch(match.pieces)
        missing = len(text) - match.length
        if not missing or (not self.needs_state and missing < MIN_NEW):
            return
        start = min(match.seen, len(text) - 1) // BLOCK * BLOCK
        del match  # what has to make room meanwhile is not to be kept alive
        snapshot = take(start, len(text))
        still = self._ram.match(text.tokens, text.keys, len(text)).seen
        if text.era != self._era or still < start:
            return  # what it lies behind is not there any more
        run = Run(
            start, text.tokens[start:], text.keys[start // BLOCK :], snapshot, self.needs_state
        )
        if self._ram.add(run) and self._saver:
            path = self._ram.match(text.tokens, text.keys, len(text)).pieces
            self._saver.plan(piece.run for piece in path)

    def forget(self, text: Text) -> None:
        """Nothing that this text was put together from is to be used again."""
        match = self._ram.match(text.tokens, text.keys, len(text))
        self._ram.forget(match.pieces)

    def limit_ram(self, bytes_: int) -> None:
        """What all that is remembered may take now: never more than was given at the start."""
        self._free_bytes = bytes_
        self._share_out()

    def _share_out(self) -> None:
        """Bytes on their way to and from the disk come before what is only kept."""
        budget = max(0, min(self.ram_bytes, self._free_bytes - self._moving_bytes))
        if budget != self._ram.budget_bytes:
            self._ram.budget_bytes = budget

    @property
    def _moving_bytes(self) -> int:
        read = self._reader.nbytes if self._reader else 0
        return read + (self._saver.nbytes if self._saver else 0)

    def clear(self) -> Future[None]:
        """Forget everything that was ever sent, also what is at work now. From now on nothing of
        it is found; when the result is there, nothing is on disk either.

        The result raises: OSError if the disk refuses. It is tried again later.
        """
        self._era += 1
        self._ram.clear()
        if self._saver:
            self._saver.forget()
        if self._disk:
            return self._disk.clear()
        nothing: Future[None] = Future()
        nothing.set_result(None)
        return nothing

    def close(self, flush_s: float) -> None:
        """Write what waits, for so long at most, and end the threads."""
        if self._reader:
            self._reader.close()
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
        return sum(run.payload.rounding_bytes for run in self._ram)

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
