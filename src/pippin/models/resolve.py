"""A model's name → the folder that holds it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from tqdm.auto import tqdm

from pippin import demo
from pippin.models.errors import CannotLoad

ConnectionBroken: type[Exception] = HfHubHTTPError.__bases__[0]
"""What the hub's library raises for its connections is of the library that it speaks HTTP with,
and that one changes from version to version."""
WANTED = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "model*.safetensors")
"""What a model needs of its repository. No Python: code that comes with a model is never run."""

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``; total 0: unknown."""


def resolve(name: str, progress: Progress) -> Path:
    """The folder of a demo model, a local folder, or a Hugging Face repository, which is
    downloaded when it is not in the cache (``org/name`` or ``org/name@revision``).

    Raises:
        CannotLoad: there is no such model, or it cannot be reached.
    """
    if name in demo.MODELS:
        return demo.MODELS[name]
    if is_local(name) and (folder := Path(name).expanduser()).is_dir():
        return folder
    if is_local(name) or name.count("/") != 1:
        raise CannotLoad(f"There is no folder {name!r}. Give a folder, or a repository org/name.")
    return download(name, progress, WANTED)


def is_local(name: str) -> bool:
    """Whether a name is a path. ``org/name`` is none, even if there is such a folder where the
    server was started: a client may have chosen the name, and must not choose a folder."""
    return name.startswith(("/", ".", "~"))


def download(name: str, progress: Progress, wanted: Sequence[str]) -> Path:
    """The folder that has a repository's files, those that match ``wanted``; downloads what is not
    in the cache.

    Raises:
        CannotLoad: it cannot be reached.
    """
    repo, _, revision = name.partition("@")
    try:
        return Path(
            snapshot_download(
                repo,
                revision=revision or None,
                allow_patterns=list(wanted),
                tqdm_class=_reporting(progress),
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CannotLoad(_why(name, error)) from error
    except ConnectionBroken as error:
        raise CannotLoad(
            f"The connection to the hub broke again and again while {name!r} was downloaded. "
            "Try again: files that are complete are not downloaded twice."
        ) from error
    except OSError as error:
        raise CannotLoad(f"{name!r} cannot be stored: {error.strerror or error}.") from error


def _why(name: str, error: Exception) -> str:
    """What kept a repository from us: the hub's own answer, if it gave one."""
    refusal: BaseException | None = error
    while refusal is not None:
        if isinstance(refusal, HfHubHTTPError):
            return (
                f"The hub answered {refusal.response.status_code} for {name!r}. Check the name "
                "and revision; private and gated models need the environment variable HF_TOKEN."
            )
        refusal = refusal.__cause__
    return (
        f"{name!r} is not in the local cache and the hub cannot be reached. Connect to the "
        "network, or give the folder of a model that is already on this machine."
    )


def _reporting(progress: Progress) -> type[Any]:
    """A progress bar class that draws nothing and tells ``progress``."""

    class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)

        def display(self, *args: Any, **kwargs: Any) -> None:
            progress("downloading", int(self.n), int(self.total or 0))

    return Bar
