"""Starts another project's server with the BLAS that Pippin would use.

Run as ``python -m benchmarks.launch BLAS_THREADS MODULE SERVER_ARGUMENTS``; 0 threads leaves it
the reference BLAS of MLX's wheel, which is what its users on Linux have.
"""

import runpy
import sys

from pippin.models.blas import load_blas


def main() -> None:
    threads, module = int(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]
    if threads:
        load_blas(threads)  # before the first import of mlx
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
