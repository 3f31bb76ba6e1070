"""What all lanes of a batch may say next, as one array, filled while the model computes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from llguidance import LLExecutor
from llguidance.numpy import (
    allocate_token_bitmask,
    fill_next_token_bitmask,
    fill_next_token_bitmask_par,
)

from pippin.engine.arrays import Array, Arrays
from pippin.engine.constraints.guide import Bits, Guide
from pippin.engine.lane import Lane


class MaskFiller:
    """The thread on which masks are filled. Owned by the decoder. Native code computes the rows
    without Python's lock, on threads of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="masks")
        self._executor = LLExecutor()

    def fill(self, guides: Sequence[tuple[int, Guide]], bits: Bits) -> Future[None]:
        """``bits`` (lanes, words): the row of each guide. Until it is done nothing else may touch
        the guides or the array."""
        return self._thread.submit(self._fill, guides, bits)

    def _fill(self, guides: Sequence[tuple[int, Guide]], bits: Bits) -> None:
        open_rows = []
        for row, guide in guides:
            if guide.matcher is None or guide.forced():
                bits[row] = -1
            else:
                open_rows.append((guide.matcher, row))
        if open_rows:
            fill_next_token_bitmask_par(self._executor, open_rows, bits)
        for row, guide in guides:
            if guide.renew() and guide.matcher is not None:
                fill_next_token_bitmask(guide.matcher, bits, row)
            guide.narrow(bits[row])


class Masks:
    """Of a fixed sequence of lanes. Owned by one batch, which makes a new one whenever its lanes
    change."""

    def __init__(
        self, lanes: Sequence[Lane], vocab_size: int, arrays: Arrays, filler: MaskFiller
    ) -> None:
        self._guides = [(row, lane.guide) for row, lane in enumerate(lanes) if lane.guide]
        self._vocab_size = vocab_size
        self._arrays = arrays
        self._filler = filler
        self._filling: Future[None] | None = None
        if self._guides:
            self._bits = allocate_token_bitmask(len(lanes), vocab_size)

    def __bool__(self) -> bool:
        """Whether any lane is guided at all."""
        return bool(self._guides)

    def begin(self) -> None:
        """Begin to fill, beside whatever comes next."""
        if self._guides and self._filling is None:
            self._filling = self._filler.fill(self._guides, self._bits)

    def take(self) -> Array | None:
        """The sampler's limits, (lanes, vocabulary); ``None``: all tokens are allowed."""
        self.begin()
        if self._filling is None:
            return None
        self._filling.result()
        self._filling = None
        return self._arrays.limits(self._bits, self._vocab_size)
