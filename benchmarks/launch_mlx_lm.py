"""Starts ``mlx_lm.server`` with the BLAS that Pippin would use.

Run as ``python -m benchmarks.launch_mlx_lm BLAS_THREADS SERVER_ARGUMENTS``; 0 threads leaves it
the reference BLAS of MLX's wheel, which is what its users on Linux have.
"""

import sys

from pippin.models.blas import load_blas

threads = int(sys.argv.pop(1))
if threads:
    load_blas(threads)  # before the first import of mlx

from mlx_lm import server  # noqa: E402

if __name__ == "__main__":
    server.main()  # type: ignore[no-untyped-call]
