"""A GGUF model's name → its file: in a folder, alone, or in a repository on the hub."""

import re
from pathlib import Path

from pippin import demo
from pippin.models.errors import CannotLoad
from pippin.models.resolve import Progress, download, is_local

SUFFIX = ".gguf"
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_IN_REPOSITORY = re.compile(
    r"(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>[\w./-]+\.gguf)|:(?P<kind>[\w.-]+))"
    r"(?P<revision>@[\w./-]+)?"
)
_PROJECTOR = "mmproj"
"""How the files of image encoders are called that lie beside a model."""


def is_gguf(name: str) -> bool:
    """Whether a name means a GGUF model. Looks at the local disk, never further."""
    if name in demo.MODELS:
        return demo.MODELS[name].suffix == SUFFIX
    path = Path(name).expanduser()
    if is_local(name) and path.is_dir():
        return not (path / "config.json").exists() and bool(_models_in(path))
    return path.suffix.lower() == SUFFIX or _on_the_hub(name) is not None


def resolve_gguf(name: str, progress: Progress) -> Path:
    """The file, or the first one of a split model: of a demo model, a path, a folder that has one
    model, or a repository, where ``org/name:Q4_K_M`` takes the one file with that in its name, and
    ``org/name/file.gguf`` that one.

    Raises:
        CannotLoad: there is none, there are several, or it cannot be reached.
    """
    if name in demo.MODELS:
        return demo.MODELS[name]
    path = Path(name).expanduser()
    if is_local(name) and path.is_file():
        return path
    if is_local(name) and path.is_dir():
        return _only_model(path, name, "")
    if is_local(name) or not (found := _on_the_hub(name)):
        raise CannotLoad(f"There is no file {name!r}.")
    repo = found["repo"] + (found["revision"] or "")
    if file := found["file"]:
        if ".." in file.split("/"):
            raise CannotLoad(f"{name!r} is no name of a file in a repository.")
        folder = download(repo, progress, [_all_shards(file)])
        if not (folder / file).is_file():
            raise CannotLoad(f"The repository {repo!r} has no file {file!r}.")
        return folder / file
    kind = found["kind"]
    patterns = [f"*{each}*{SUFFIX}" for each in sorted({kind, kind.lower(), kind.upper()})]
    return _only_model(download(repo, progress, patterns), name, kind)


def _only_model(folder: Path, name: str, kind: str) -> Path:
    models = [each for each in _models_in(folder) if kind.lower() in each.name.lower()]
    if len(models) == 1:
        return models[0]
    if not models:
        raise CannotLoad(f"{name!r} has no GGUF model.")
    names = ", ".join(sorted(each.name for each in models)[:10])
    raise CannotLoad(f"{name!r} has several GGUF models ({names}). Name one of the files.")


def _models_in(folder: Path) -> list[Path]:
    """Files that are a model, or the first part of one."""
    files = [each for each in folder.glob("**/*") if each.suffix.lower() == SUFFIX]
    return [each for each in files if _PROJECTOR not in each.name.lower() and _begins(each)]


def _begins(file: Path) -> bool:
    match = _SHARD.fullmatch(file.name)
    return match is None or int(match[2]) == 1


def _all_shards(file: str) -> str:
    match = _SHARD.fullmatch(file)
    return f"{match[1]}-*-of-{match[3]}{SUFFIX}" if match else file


def _on_the_hub(name: str) -> re.Match[str] | None:
    return _IN_REPOSITORY.fullmatch(name)
