"""The worker's command line, written by the gateway's supervisor and by nobody else."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pippin.core.conversion import Conversion
from pippin.core.worker import WorkerOptions


@dataclass(frozen=True, slots=True)
class CommandLine:
    socket: str
    """The gateway's unix socket."""
    probe: bool
    """Only say what this runs on."""
    convert: Conversion | None
    """Only convert a model."""
    options: WorkerOptions

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "CommandLine":
        parser = argparse.ArgumentParser(prog="python -m pippin.worker", description=__doc__)
        parser.add_argument("--socket", default="", help="the gateway's unix socket")
        parser.add_argument("--options", default="{}", help="WorkerOptions, as JSON")
        parser.add_argument("--probe", action="store_true", help="print what this runs on")
        parser.add_argument("--convert", default="null", help="a Conversion, as JSON")
        given = parser.parse_args(arguments)
        options = msgspec.json.decode(given.options, type=WorkerOptions)
        conversion = msgspec.json.decode(given.convert, type=Conversion | None)
        return cls(given.socket, given.probe, conversion, options)
