"""What a model's folder holds, in one number."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from pippin import __version__

SAMPLES = 32
SAMPLE_BYTES = 64 << 10
SNAPSHOT = re.compile(r"(models--[^/]+)/snapshots/([0-9a-f]{40})$")
"""In the hub's cache: ``models--org--name/snapshots/<revision>``."""


def digest_of(folder: Path) -> str:
    """A digest of configuration, tokenizer, weights and Pippin's version, in hexadecimal: of
    everything that decides what the model says."""
    return _digest(folder, __version__.encode(), times=False)


def digest_of_files(files: Iterable[Path]) -> str:
    """The same of a model that is in these files alone: of their names, sizes, and samples of what
    they hold, their first bytes among them."""
    digest = hashlib.sha256(__version__.encode())
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        _sample(path, size, digest.update)
    return digest.hexdigest()


def source_of(folder: Path) -> str:
    """What tells this model from every other as long as its files stay as they are: repository
    and revision if it came from the hub, which never change what they mean, else a digest with
    the times of its files."""
    if found := SNAPSHOT.search(folder.as_posix()):
        return f"{found[1]}@{found[2]}"
    return _digest(folder, b"", times=True)


def _digest(folder: Path, start: bytes, *, times: bool) -> str:
    """Of the weights it takes names, sizes and samples from all over: reading hundreds of
    gigabytes at every start would cost minutes."""
    digest = hashlib.sha256(start)
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".jinja", ".model", ".txt"):
            digest.update(path.name.encode() + path.read_bytes())
        elif path.suffix == ".safetensors":
            status = path.stat()
            digest.update(f"{path.name} {status.st_size}".encode())
            if times:
                digest.update(str(status.st_mtime_ns).encode())
            _sample(path, status.st_size, digest.update)
    return digest.hexdigest()


def _sample(path: Path, size: int, take: Callable[[bytes], object]) -> None:
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(number * max(0, size - SAMPLE_BYTES) // (SAMPLES - 1))
            take(file.read(SAMPLE_BYTES))
