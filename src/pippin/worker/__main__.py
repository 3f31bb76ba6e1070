"""``python -m pippin.worker``: one process that serves one model to the gateway that started it."""

import importlib
import sys
from typing import Any

from pippin.models.blas import load_blas
from pippin.models.gguf_files import is_gguf
from pippin.worker.options import CommandLine


def main() -> int:
    line = CommandLine.parse(sys.argv[1:])
    if line.convert:
        load_blas(line.options.blas_threads)
        return int(importlib.import_module("pippin.worker.convert").main(line.convert))
    if is_gguf(line.options.model) and not line.probe:
        gguf = importlib.import_module("pippin.worker.gguf_runtime")
        return _serve(line, gguf.served)
    blas = load_blas(line.options.blas_threads)
    # Whatever imports mlx comes after the BLAS is loaded, so it cannot be imported above: this is
    # the one place where Pippin imports its own modules late.
    if line.probe:
        return int(importlib.import_module("pippin.worker.probe").main(line.options, blas))
    return _serve(line, importlib.import_module("pippin.worker.mlx_runtime").loader(blas))


def _serve(line: CommandLine, load: Any) -> int:
    process = importlib.import_module("pippin.worker.process")
    return int(process.main(line.socket, line.options, load))


if __name__ == "__main__":
    sys.exit(main())
