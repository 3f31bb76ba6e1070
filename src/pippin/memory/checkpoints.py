"""Where the state of layers that cannot be cut is worth keeping: plain arithmetic.

Such a state can only be taken up where it was kept, so it is kept where other prompts are likely
to part from this one: after the first turn (a system prompt that many share), after the last one
(templates write what follows it in another way once it is history), and now and then in between.
"""

import numpy as np
import numpy.typing as npt

EVERY = 4096
"""Tokens after which a long stretch gets a checkpoint of its own."""


def checkpoints(
    tokens: npt.NDArray[np.int32], turn_ends: frozenset[int], start: int
) -> tuple[int, ...]:
    """Lengths after ``start``, below that of the whole, at which to keep a state.

    ``turn_ends``: tokens that end a turn.
    """
    turns = np.flatnonzero(np.isin(tokens, list(turn_ends))) + 1
    wanted = {int(turns[0]), int(turns[-1])} if turns.size else set()
    wanted |= set(range(EVERY, len(tokens), EVERY))
    return tuple(sorted(at for at in wanted if start < at < len(tokens)))
