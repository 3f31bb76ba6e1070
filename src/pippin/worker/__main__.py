"""``python -m pippin.worker``: one process that serves one model to the gateway that started it."""

import importlib
import sys

from pippin.models.blas import load_blas
from pippin.worker.options import Options


def main() -> int:
    options = Options.parse(sys.argv[1:])
    blas = load_blas(options.blas_threads)
    # Whatever imports mlx comes after the BLAS is loaded, so it cannot be imported above: this is
    # the one place where Pippin imports its own modules late.
    if options.probe:
        return int(importlib.import_module("pippin.worker.probe").main(options, blas))
    return int(importlib.import_module("pippin.worker.process").main(options, blas))


if __name__ == "__main__":
    sys.exit(main())
