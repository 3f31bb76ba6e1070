"""The servers that can be measured: how each is started, and in which words it is asked."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Command = Callable[[Path, int, int], list[str]]
"""Model folder, port, BLAS threads -> what to run."""


@dataclass(frozen=True)
class Kind:
    """One way to run one server."""

    label: str
    """Its name in tables."""
    command: Command
    ready_path: str = "/health"
    model_id: str = ""
    """The name that requests give the model; empty: its folder."""
    chat: bool = False
    """It has no ``/v1/completions``: a prompt is the text of one user's message."""
    ignores_eos: bool = False
    """It knows ``ignore_eos``."""
    batches_seeds: bool = False
    """Requests with seeds are answered together, so that its sampled rows may have them."""
    cache_variables: tuple[str, ...] = ()
    """Environment variables that name its folder for prompts on disk."""
    needs: str = "pippin"
    """The module without which it cannot be started."""

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


def _pippin(*flags: str) -> Command:
    def command(folder: Path, port: int, threads: int) -> list[str]:
        start = [sys.executable, "-m", "pippin", "serve", f"bench={folder}", "--port", str(port)]
        return [*start, "--blas-threads", str(threads), "--log-level", "warning", *flags]

    return command


def _mlx_lm(folder: Path, port: int, threads: int) -> list[str]:
    start = [sys.executable, "-m", "benchmarks.launch", str(threads), "mlx_lm.server"]
    return [*start, "--model", str(folder), "--port", str(port), "--log-level", "WARNING"]


def _mlx_lm_noblas(folder: Path, port: int, threads: int) -> list[str]:
    return _mlx_lm(folder, port, 0)


def _mlx_vlm(*variables: str) -> Command:
    def command(folder: Path, port: int, threads: int) -> list[str]:
        start = ["env", *variables, sys.executable, "-m", "benchmarks.launch", str(threads)]
        server = ["mlx_vlm.server", "--model", str(folder), "--port", str(port)]
        return [*start, *server, "--log-level", "WARNING"]

    return command


def _ours(label: str, *flags: str) -> Kind:
    return Kind(
        label,
        _pippin(*flags),
        ready_path="/health/ready",
        model_id="bench",
        ignores_eos=True,
        batches_seeds=True,
        cache_variables=("PIPPIN_CACHE_DIR",),
    )


KINDS = {
    "pippin": _ours("Pippin"),
    "pippin_off": _ours("Pippin, --cache-ram 0", "--cache-ram", "0"),
    "mlx_lm": Kind("mlx_lm.server", _mlx_lm, model_id="default_model"),
    "mlx_lm_noblas": Kind(
        "mlx_lm.server, BLAS of MLX's wheel", _mlx_lm_noblas, model_id="default_model"
    ),
    "mlx_vlm": Kind("mlx_vlm.server", _mlx_vlm(), chat=True, needs="mlx_vlm"),
    "mlx_vlm_apc": Kind(
        "mlx_vlm.server, APC_ENABLED=1",
        _mlx_vlm("APC_ENABLED=1"),
        chat=True,
        cache_variables=("APC_DISK_PATH",),
        needs="mlx_vlm",
    ),
}
"""Every server, in the order of the tables."""

LABELS = {"limit": "limit (in process)"} | {name: kind.label for name, kind in KINDS.items()}
"""Every contender, and its name in tables, in their order there."""

INSTALLED = [name for name in LABELS if name == "limit" or KINDS[name].installed]
"""Those that can be measured in this environment."""
