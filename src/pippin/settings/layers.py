"""Where settings come from, in the order in which they count: flags > environment > file >
default. What is given once for all models holds for all: a flag goes before a model's own setting
in the file, too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from pippin.settings.errors import BadSettings
from pippin.settings.file import read_file
from pippin.settings.filed import Filed, Placed
from pippin.settings.foreign.engine import adapter_name
from pippin.settings.foreign.variables import TAKEN, VAIN
from pippin.settings.model import OWN, ModelSettings
from pippin.settings.server import Settings
from pippin.settings.words import explained, flag_name, variable_name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting's value comes from."""

    kind: Literal["argument", "flag", "environment", "file", "default"]
    place: str = ""
    """The flag, the variable, or ``FILE:LINE``."""

    def __str__(self) -> str:
        if self.kind in ("file", "default"):
            return self.place or self.kind
        return f"{self.kind} {self.place}"


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings that hold, and why."""

    settings: Settings
    origins: Mapping[str, Origin]
    """By setting; what is not here has its default."""
    of_models: tuple[Mapping[str, Origin], ...] = ()
    """Of each model of the file, in order, by setting."""
    notes: tuple[str, ...] = ()
    """What was said without effect. For the log."""

    def origin(self, setting: str) -> Origin:
        return self.origins.get(setting, DEFAULT)


@dataclass(slots=True)
class _Layers:
    """What is gathered so far: values that are not yet validated."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    of_models: list[dict[str, Origin]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, setting: str, value: Any, origin: Origin) -> None:
        """Take a value over, unless a higher layer has one."""
        if setting not in self.origins:
            self.values[setting] = value
            self.origins[setting] = origin


def gather(flags: Mapping[str, Any], environment: Mapping[str, str]) -> InForce:
    """The settings in force. ``flags``: those that were given, by setting. ``environment``: this
    process's own, since ``Settings`` reads it, too.

    Raises:
        BadSettings: a line for each thing that is wrong, with its place and the mend.
    """
    layers = _Layers()
    for setting, value in flags.items():
        argument = setting == "models"
        origin = Origin("argument", "MODEL") if argument else Origin("flag", flag_name(setting))
        layers.add(setting, value, origin)
    ours = {name.upper() for name in environment}
    for setting in Settings.model_fields:
        if (name := variable_name(setting)) in ours:
            layers.origins.setdefault(setting, Origin("environment", name))
    _add_foreign(layers, environment)
    path = _path(flags, environment)
    if path is not None:
        _add_file(layers, read_file(path))
    try:
        settings = Settings(**layers.values)
    except ValidationError as error:
        raise BadSettings(_problems(error, layers)) from error
    return InForce(settings, layers.origins, tuple(layers.of_models), tuple(layers.notes))


def _path(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Path | None:
    upper = {name.upper(): value for name, value in environment.items()}
    given = flags.get("config") or upper.get(variable_name("config"))
    return Path(given).expanduser() if given else None


def _add_foreign(layers: _Layers, environment: Mapping[str, str]) -> None:
    """Variables of other servers. An empty one is none, as there."""
    for name, setting in TAKEN.items():
        value = environment.get(name)
        if not value or setting in layers.origins:
            continue
        origin = Origin("environment", name)
        if setting == "adapters":
            layers.add("default_adapter", adapter_name(value), origin)
            layers.add("adapters", {adapter_name(value): value}, origin)
        else:
            layers.add(setting, value, origin)
        layers.notes.append(f"{name} is taken for {variable_name(setting)}")
    for name, why in VAIN.items():
        if environment.get(name):
            layers.notes.append(f"{name} has no effect: {why}")


def _add_file(layers: _Layers, filed: Filed) -> None:
    layers.notes += filed.notes
    for setting, placed in filed.settings.items():
        layers.add(setting, placed.value, _place(filed, placed.line))
    if filed.models is None or "models" in layers.origins:
        return
    for model in filed.models:
        above = (model.settings.keys() & layers.origins.keys()) - OWN
        for setting in sorted(above):
            origin = layers.origins[setting]
            if origin.kind != "file":
                line = model.settings.pop(setting).line
                layers.notes.append(f"{origin.place} holds, and not {filed.path}:{line}")
    layers.of_models = [
        {"": _place(filed, model.line)}
        | {name: _place(filed, one.line) for name, one in model.settings.items()}
        for model in filed.models
    ]
    first = filed.models[0].line if filed.models else 1
    values = [_plain(model.settings) for model in filed.models]
    layers.add("models", values, _place(filed, first))


def _plain(settings: Mapping[str, Placed]) -> dict[str, Any]:
    return {name: placed.value for name, placed in settings.items()}


def _place(filed: Filed, line: int) -> Origin:
    return Origin("file", f"{filed.path}:{line}")


def _problems(error: ValidationError, layers: _Layers) -> list[str]:
    found = error.errors(include_input=False, include_url=False)
    return [_problem(one["loc"], explained(one), layers) for one in found]


def _problem(place: tuple[int | str, ...], message: str, layers: _Layers) -> str:
    """A complaint about one setting, in words that name where it was given."""
    if not place:
        return message
    setting = str(place[0])
    origin = layers.origins.get(setting, DEFAULT)
    if origin.kind != "file":
        return _given(setting, origin, message)
    if setting != "models" or len(place) < 2 or not isinstance(place[1], int):
        return f"{origin.place}: {setting}: {message}"
    known = layers.of_models[place[1]]
    where = f"models[{place[1]}]"
    if len(place) > 2 and str(place[2]) in ModelSettings.model_fields:
        where += f".{place[2]}"
        return f"{known.get(str(place[2]), known[''])}: {where}: {message}"
    return f"{known['']}: {where}: {message}"


def _given(setting: str, origin: Origin, message: str) -> str:
    if setting == "models" or origin.place in TAKEN:
        name = origin.place
    else:
        name = f"{flag_name(setting)} ({variable_name(setting)})"
    return f"{name}: {message}"
