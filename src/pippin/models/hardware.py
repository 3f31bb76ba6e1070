"""What the worker runs on, in figures and in words."""

import sys
import time

import mlx.core as mx

from pippin.models.blas import BlasInfo
from pippin.models.machine import physical_bytes

SLOW_GFLOPS = 8.0
"""Below this a CPU's float32 product surely does not come from a full BLAS."""


def measured_gflops() -> float:
    """Float32 products on this device, 10⁹ operations per second; takes a few hundredths of a
    second with a full BLAS."""
    rows, inner, columns = 256, 768, 1024
    a, b = mx.ones((rows, inner)), mx.ones((columns, inner))
    mx.eval(a @ b.T)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        mx.eval(a @ b.T)
        best = min(best, time.perf_counter() - start)
    return 2 * rows * inner * columns / best / 1e9


LEAST_FOR_CACHES = 512 << 20


def on_cpu() -> bool:
    return bool(mx.default_device() == mx.Device(mx.cpu))


def describe(blas: BlasInfo | None, dtype: str) -> str:
    """For logs and ``/v1/capabilities``: ``cpu, OpenBLAS, 1 thread, float32``."""
    if not on_cpu():
        return f"gpu, {dtype}"
    if sys.platform != "linux":
        return f"cpu, {dtype}"
    if blas is None:
        return f"cpu, reference BLAS, {dtype}"
    return f"cpu, {blas.name}, {blas.threads} thread{'s' * (blas.threads != 1)}, {dtype}"


def advice(blas: BlasInfo | None, gflops: float) -> list[str]:
    """What would make this machine faster, if anything is known."""
    if not on_cpu() or sys.platform != "linux":
        return []
    if blas is None:
        return [
            "No full BLAS was found, so prompts are read tens of times slower than they could "
            "be. Install one: 'apt-get install libopenblas0-pthread', or "
            "'pip install \"pippin[cpu]\"'."
        ]
    if gflops < SLOW_GFLOPS:
        return [
            f"{blas.name} was loaded, but float32 products reach only {gflops:.0f} GFLOP/s. "
            "Another BLAS may be in the way: set PIPPIN_BLAS to the library of your choice."
        ]
    return []


def memory_for_caches(weights_bytes: int) -> int:
    """Bytes that this machine can spare for the caches of one model: half of what there is, less
    the weights. The other half is for the system, other programs, and what a step needs."""
    return max(LEAST_FOR_CACHES, _usable_bytes() // 2 - weights_bytes)


def _usable_bytes() -> int:
    """Of a GPU what it recommends; else physical memory, or what a container is allowed."""
    if not on_cpu():
        info = mx.device_info()
        for name in ("max_recommended_working_set_size", "memory_size", "total_memory"):
            if isinstance(info.get(name), int):
                return int(info[name])
    return physical_bytes()
