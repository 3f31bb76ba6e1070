"""``python -m pippin.worker``: one process that serves one model to the gateway that started it."""

import importlib
import sys

from pippin.models.blas import load_blas
from pippin.worker.options import CommandLine


def main() -> int:
    line = CommandLine.parse(sys.argv[1:])
    blas = load_blas(line.options.blas_threads)
    # Whatever imports mlx comes after the BLAS is loaded, so it cannot be imported above: this is
    # the one place where Pippin imports its own modules late.
    if line.probe:
        return int(importlib.import_module("pippin.worker.probe").main(line.options, blas))
    process = importlib.import_module("pippin.worker.process")
    return int(process.main(line.socket, line.options, blas))


if __name__ == "__main__":
    sys.exit(main())
