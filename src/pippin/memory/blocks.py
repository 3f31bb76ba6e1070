"""Blocks and their keys: how a beginning of a text is named. Pure arithmetic.

A block is ``BLOCK`` consecutive tokens at a multiple of ``BLOCK``. Each key is the hash of the one
before it and of the block's tokens, so a key names the whole text up to the end of its block, for
one model and one tenant: these are hashed into the root, which names the empty text.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BLOCK = 32
_TOKEN_BYTES = 4
_BLOCK_BYTES = BLOCK * _TOKEN_BYTES


def root_key(fingerprint: bytes, salt: str) -> bytes:
    """The key of the empty text. ``fingerprint``: of everything that the remembered values depend
    on; ``salt``: tenants with different ones share nothing."""
    # The fingerprint is hashed to a fixed length, so that no byte can pass from it to the salt.
    return hashlib.sha256(hashlib.sha256(fingerprint).digest() + salt.encode()).digest()


def chain(root: bytes, tokens: Sequence[int] | npt.NDArray[np.int32]) -> tuple[bytes, ...]:
    """``keys[i]`` names ``root``'s text and the first ``i * BLOCK`` tokens: ``keys[0]`` is
    ``root``. Only whole blocks have one. ``root`` may be any key: the chain goes on from there.

    OverflowError: a token that does not fit into 32 bits.
    """
    data = memoryview(np.asarray(tokens, dtype="<i4").tobytes())
    keys = [root]
    for start in range(0, len(data) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
        keys.append(hashlib.sha256(keys[-1] + data[start : start + _BLOCK_BYTES]).digest())
    return tuple(keys)
