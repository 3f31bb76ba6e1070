"""What a process that converts a model tells of its work: one JSON object a line."""

import msgspec

from pippin.core.worker import Quantisation


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done."""

    model: str
    """As in ``WorkerOptions``."""
    wanted: Quantisation
    output: str
    """The folder that is to hold the result: absolute. What is there is replaced."""


class Advanced(msgspec.Struct, frozen=True, tag="advanced"):
    """How far a stage is; ``total`` 0: unknown."""

    stage: str
    done: int
    total: int


class Converted(msgspec.Struct, frozen=True, tag="converted"):
    """The end: the folder is complete and on disk."""

    weights_bytes: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The end: nothing was written. In words for the operator."""

    reason: str


Told = Advanced | Converted | Refused
