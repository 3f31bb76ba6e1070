"""The models in the cache of Hugging Face's hub, by its public layout:
``models--org--name/snapshots/<commit>/``, and ``refs/main``, which holds a commit.

Not by its library: that one reads every file of the cache, and takes long to be imported.
"""

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pippin.formats.folder import is_model_folder
from pippin.formats.gguf_facts import gguf_models

COMMIT = re.compile(r"[0-9a-f]{40}")
FOLDER = re.compile(r"models--(?P<org>[A-Za-z0-9._-]+?)--(?P<name>[A-Za-z0-9._-]+)")
ON_THE_HUB = re.compile(
    r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)"
    r"(?:/(?P<file>\w[\w.-]*\.gguf)|:(?P<kind>\w[\w.-]*))?(?:@(?P<revision>\w[\w.-]*))?",
    re.ASCII,
)
MAX_REPOSITORIES = 10_000


class Cached(NamedTuple):
    """A model of the hub that is on this machine."""

    name: str
    """``org/name``; with several GGUF files each is ``org/name/file.gguf``."""
    where: str
    """What a worker is told: the repository, or the file's path."""
    path: Path
    """Its snapshot, or the file."""


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Where the hub's library keeps what it downloads, by its own variables."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if given := environment.get(name):
            return Path(given).expanduser()
    if given := environment.get("HF_HOME"):
        return Path(given).expanduser() / "hub"
    outer = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(outer).expanduser() / "huggingface" / "hub"


def cached_models(cache: Path) -> Iterator[Cached]:
    """The models in a cache, by name. A cache that cannot be listed has none."""
    try:
        with os.scandir(cache) as found:
            names = sorted(one.name for one in islice(found, MAX_REPOSITORIES))
    except OSError:
        return
    for name in names:
        if match := FOLDER.fullmatch(name):
            yield from _models_of(f"{match['org']}/{match['name']}", cache / name)


def cached_path(cache: Path, where: str) -> Path | None:
    """Where a model of the hub lies, if it was downloaded: the folder of ``org/name[@revision]``,
    the file of ``org/name/file.gguf`` and of ``org/name:KIND``."""
    match = ON_THE_HUB.fullmatch(where)
    if match is None:
        return None
    folder = repository_folder(cache, match["repo"])
    snapshot = _snapshot(folder, match["revision"] or "main")
    if snapshot is None or not (match["file"] or match["kind"]):
        return snapshot
    if match["file"]:
        file = snapshot / match["file"]
        return file if file.is_file() else None
    kind = match["kind"].lower()
    try:
        files = [path for path in gguf_models(snapshot) if kind in path.name.lower()]
    except OSError:
        return None
    return files[0] if len(files) == 1 else None


def repository_folder(cache: Path, repo: str) -> Path:
    """Where the cache has ``org/name``, if it has it."""
    org, _, name = repo.partition("/")
    return cache / f"models--{org}--{name}"


def _models_of(repo: str, folder: Path) -> Iterator[Cached]:
    where, snapshot = repo, _snapshot(folder, "main")
    if snapshot is None:
        snapshot = _only_snapshot(folder)
        if snapshot is None:
            return
        where = f"{repo}@{snapshot.name}"
    if is_model_folder(snapshot):
        yield Cached(repo, where, snapshot)
        return
    try:
        files = gguf_models(snapshot)
    except OSError:
        return
    for file in files:
        # A file is named by its path: its repository has others, that nobody asked for.
        yield Cached(repo if len(files) == 1 else f"{repo}/{file.name}", str(file), file)


def _snapshot(folder: Path, revision: str) -> Path | None:
    """The folder of a commit, branch or tag."""
    commit = revision
    if not COMMIT.fullmatch(revision):
        try:
            commit = (folder / "refs" / revision).read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        if not COMMIT.fullmatch(commit):
            return None
    snapshot = folder / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def _only_snapshot(folder: Path) -> Path | None:
    """That of a repository of which one commit was asked for by its number."""
    try:
        found = [path for path in (folder / "snapshots").iterdir() if COMMIT.fullmatch(path.name)]
    except OSError:
        return None
    return found[0] if len(found) == 1 else None
