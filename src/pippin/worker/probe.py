"""``python -m pippin.worker --probe``: one JSON object for ``pippin doctor``."""

import json
import sys
from importlib.metadata import version
from typing import Any

from pippin.core.worker import WorkerOptions
from pippin.models.blas import BlasInfo
from pippin.models.hardware import advice, measured_gflops, on_cpu


def main(options: WorkerOptions, blas: BlasInfo | None) -> int:
    sys.stdout.write(json.dumps(probe(options, blas)) + "\n")
    return 0


def probe(options: WorkerOptions, blas: BlasInfo | None) -> dict[str, Any]:
    gflops = measured_gflops()
    return {
        "device": "cpu" if on_cpu() else "gpu",
        "mlx": version("mlx"),
        "blas": {"name": blas.name, "path": blas.path} if blas else None,
        "threads": options.blas_threads,
        "dtype": "as stored" if options.keep_dtype or not on_cpu() else "float32",
        "gflops_float32": round(gflops, 1),
        "advice": advice(blas, gflops),
    }
