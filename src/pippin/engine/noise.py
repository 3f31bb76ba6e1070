"""Counter-based randomness: one uniform number per (seed, choice, position).

No state is kept, so a lane draws the same numbers alone, in a crowd, after a cancel of its
neighbour and after a restart. The mixer is SplitMix64's finaliser (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", 2014).
"""

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def lane_key(seed: int, index: int) -> int:
    """The key of choice ``index`` of a request with this seed (any 64-bit integer)."""
    seeds = np.array([seed & _MASK], dtype=np.uint64)
    indices = np.array([index], dtype=np.uint64)
    return int(_mix(_mix(seeds) + indices * _GOLDEN)[0])


def uniforms(keys: Keys, positions: Keys) -> npt.NDArray[np.float32]:
    """One number in [0, 1) per lane, with 23 random bits: exact in float32, never rounded to 1."""
    bits = _mix(keys + (positions + np.uint64(1)) * _GOLDEN)
    return ((bits >> np.uint64(41)).astype(np.float32)) * np.float32(2.0**-23)


def _mix(z: Keys) -> Keys:
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    mixed: Keys = z ^ (z >> np.uint64(31))
    return mixed
