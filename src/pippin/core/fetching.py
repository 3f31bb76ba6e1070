"""What a process that downloads a model tells of its work: one JSON object a line."""

import msgspec

from pippin.core.conversion import Advanced, Refused


class Fetched(msgspec.Struct, frozen=True, tag="fetched"):
    """The end: all of the model is on this machine."""

    path: str
    """The folder or file."""


Told = Advanced | Fetched | Refused
