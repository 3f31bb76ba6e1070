"""``pippin doctor``: what Pippin runs on here, and what would be faster."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from pippin import __version__
from pippin.cli.probe import Probe, ProbeFailed, probe
from pippin.cli.prompt_folder import given_cache_folder

GIB = 1024**3


@click.command(
    epilog="""\b
Exit codes: 0 models can be served, 1 the part that runs them does not work.
"""
)
def command() -> None:
    """Say what Pippin runs on here, and what would be faster.

    Starts the part that runs models once, without a model, and lets it measure itself.
    """
    _table(machine())
    try:
        found = probe()
    except ProbeFailed as error:
        click.echo(f"\nModels cannot be served: {error}", err=True)
        sys.exit(1)
    _table(engine(found))
    for advice in found.advice or ("Nothing here would be faster.",):
        click.echo(f"\n{advice}")


def machine() -> Iterator[tuple[str, str]]:
    """What can be said without loading anything."""
    yield "Pippin", __version__
    yield "Python", f"{platform.python_version()} ({sys.executable})"
    yield "System", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "Cores", str(cores())
    yield "Memory", f"{memory_bytes() / GIB:.1f} GiB"
    for package in ("mlx", "mlx-lm"):
        yield package, installed(package)
    for name, folder in (("Model cache", model_cache()), ("Prompt cache", given_cache_folder())):
        yield name, f"{folder} ({free_bytes(folder) / GIB:.1f} GiB free)"


def engine(found: Probe) -> Iterator[tuple[str, str]]:
    """What the worker's side found out about itself."""
    yield "Device", found.device
    if found.blas is not None:
        words = (found.blas.name, found.blas.version, f"({found.blas.path})")
        yield "BLAS", " ".join(word for word in words if word)
    elif sys.platform == "linux":
        yield "BLAS", "only the reference one that comes with MLX"
    yield "Threads", str(found.threads)
    yield "Weights as", found.dtype
    yield "Speed", f"{found.gflops_float32:.1f} GFLOP/s in float32"


def cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:  # noqa: RET505 - the type checker wants both systems in branches
        return os.cpu_count() or 1


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def model_cache() -> Path:
    """Where downloaded models lie: huggingface_hub's own rule."""
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"
    )
    return Path(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")).expanduser()


def free_bytes(folder: Path) -> int:
    """Free room where the folder is, or would be made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _table(rows: Iterator[tuple[str, str]]) -> None:
    for name, value in rows:
        click.echo(f"{name:<12} {value}")
