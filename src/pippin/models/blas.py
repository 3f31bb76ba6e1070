"""A full BLAS under MLX on Linux CPU.

MLX's Linux wheel is linked against Netlib's reference BLAS, which does about 2.5 GFLOP/s where a
full one does 100 and more. A library that is loaded with ``RTLD_GLOBAL`` before ``mlx`` is
imported answers its ``cblas_*`` calls instead. On macOS MLX has Accelerate and Metal, and nothing
is done. This module must be used before the first import of ``mlx``, so it does not import it.

MKL comes before OpenBLAS because it alone can be told to give a row of a product the same bits
whatever the other rows are (``MKL_CBWR=AUTO,STRICT``, conditional numerical reproducibility).
With it a request's logits are bit for bit the same alone, in a batch of 32, and however its
prompt was cut into chunks.
"""

import ctypes
import ctypes.util
import glob
import os
import sys

import msgspec

OPENBLAS_NAMES = ("libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0")


class BlasInfo(msgspec.Struct, frozen=True):
    """The library that was loaded."""

    name: str
    path: str
    threads: int
    row_stable: bool = False
    """Whether a row's result never depends on the other rows of the product."""


def load_blas(threads: int = 1) -> BlasInfo | None:
    """Load the best BLAS that this machine has, for the whole process.

    ``PIPPIN_BLAS`` names a library of one's own; then MKL from PyPI is tried (the extra ``cpu``),
    then a system OpenBLAS. ``None``: nothing found, or nothing needed here (not Linux).

    Raises:
        OSError: ``PIPPIN_BLAS`` is set and cannot be loaded.
    """
    if sys.platform != "linux":
        return None
    _configure(threads)
    own = os.environ.get("PIPPIN_BLAS")
    if own:
        ctypes.CDLL(own, mode=ctypes.RTLD_GLOBAL)
        return BlasInfo(os.path.basename(own), own, threads)
    for name, path in _candidates():
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue  # not installed, or for another processor: the next one may do
        return BlasInfo(name, path, threads, row_stable=name == "MKL" and _strict())
    return None


def _configure(threads: int) -> None:
    """Each BLAS reads its own variables when it is loaded; what the user set stays."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    if threads == 1:
        os.environ.setdefault("MKL_THREADING_LAYER", "SEQUENTIAL")
    os.environ.setdefault("MKL_INTERFACE_LAYER", "LP64")
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")


def _strict() -> bool:
    return "STRICT" in os.environ.get("MKL_CBWR", "")


def _candidates() -> list[tuple[str, str]]:
    found = ctypes.util.find_library("openblas")
    names = ([found] if found else []) + list(OPENBLAS_NAMES)
    mkl = sorted(glob.glob(os.path.join(sys.prefix, "lib", "libmkl_rt.so*")), reverse=True)
    return [("MKL", path) for path in mkl] + [("OpenBLAS", name) for name in names]
