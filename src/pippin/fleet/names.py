"""What a model is called by clients."""

import re
from collections.abc import Sequence
from pathlib import Path

from pippin.settings import ModelSettings

SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")


def served_names(models: Sequence[ModelSettings]) -> dict[str, str]:
    """Name → where, in order.

    A folder without a name is called by its last part; anything else (``demo``, a hub repository)
    by itself.

    Raises:
        ValueError: a name is taken twice, or cannot be a name. In words for the operator.
    """
    named: dict[str, str] = {}
    for model in models:
        name, where = _name_of(model)
        if not where or not SHAPE.fullmatch(name):
            raise ValueError(f"{model.model!r} gives no usable name; write NAME=WHERE")
        if name in named:
            raise ValueError(
                f"two models are called {name!r} ({named[name]} and {where}); "
                "write NAME=WHERE to give one of them another name"
            )
        named[name] = where
    return named


def split_adapter(name: str) -> tuple[str, str | None]:
    """A name as ``MODEL+ADAPTER`` → the model's and the adapter's; without a plus, or with nothing
    on one side of it, the name and ``None``. For names that no model has: a model's own name may
    hold a plus."""
    model, _, adapter = name.rpartition("+")
    return (model, adapter) if model and adapter else (name, None)


def is_path(where: str) -> bool:
    """Whether a model is meant as a folder or file here, and not as a name on the hub."""
    return where.startswith(("/", "./", "../", "~")) or (where != "" and Path(where).exists())


def _name_of(model: ModelSettings) -> tuple[str, str]:
    where = _expanded(model.model)
    own = Path(where).name if is_path(where) else where
    return model.name or own, where


def _expanded(where: str) -> str:
    """A path made absolute, since it must exist; anything else as it is."""
    if not is_path(where):
        return where
    path = Path(where).expanduser().resolve()
    if not path.exists():
        raise ValueError(f"there is no model at {where}")
    return str(path)
