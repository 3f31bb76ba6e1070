"""Pippin's own file: ``server``, ``defaults`` (of all models), and ``models``."""

from collections.abc import Collection

from pippin.settings.defaults import ModelDefaults
from pippin.settings.document import Node
from pippin.settings.filed import Filed, FiledModel, Placed, Section
from pippin.settings.model import ModelSettings
from pippin.settings.server import Settings

DEFAULTS = tuple(ModelDefaults.model_fields)
SERVER = tuple(
    name for name in Settings.model_fields if name not in (*DEFAULTS, "models", "config")
)
MODEL = tuple(ModelSettings.model_fields)
SECTIONS = ("server", "defaults", "models")


def read_own(root: Node, filed: Filed) -> None:
    """Take over what the file says; what it says wrongly becomes a problem."""
    if root.value and not root.members:
        filed.problem(root.line, "the file must have the sections server, defaults and models")
        return
    for name, node in root.members.items():
        if name == "models":
            _models(node, filed)
        elif name == "server":
            _section(node, name, SERVER, filed, filed.settings)
        elif name == "defaults":
            _section(node, name, DEFAULTS, filed, filed.settings)
        elif place := _place_of(name):
            filed.problem(node.line, f"{name!r} belongs under {place}:")
        else:
            filed.unknown(node, "", name, SECTIONS)


def _section(node: Node, where: str, known: Collection[str], filed: Filed, into: Section) -> None:
    if not isinstance(node.value, dict) and node.value is not None:
        filed.problem(node.line, f"{where}: write settings here, each as NAME: VALUE")
    for name, value in node.members.items():
        place = _place_of(name)
        if name in known:
            if value.value is not None:
                into[name] = Placed(value.plain, value.line)
        elif place and place != where and not where.startswith("models"):
            filed.problem(value.line, f"{where}: {name!r} belongs under {place}:")
        elif place == "server":
            filed.problem(value.line, f"{where}: {name!r} is one setting for all, under server:")
        else:
            filed.unknown(value, where, name, known)


def _models(node: Node, filed: Filed) -> None:
    filed.models = []
    if not isinstance(node.value, list):
        if node.value is not None:
            filed.problem(node.line, "models: write a list, each with a - before it")
        return
    for number, one in enumerate(node.items):
        model = FiledModel(one.line)
        filed.models.append(model)
        if isinstance(one.value, str):
            _of_text(one.value, number, model, filed)
            continue
        if not isinstance(one.value, dict):
            filed.problem(one.line, f"models[{number}]: write WHERE, NAME=WHERE, or settings")
            continue
        _section(one, f"models[{number}]", MODEL, filed, model.settings)
        if "model" not in one.members:
            filed.problem(one.line, f"models[{number}]: 'model' is missing: where the model is")


def _of_text(text: str, number: int, model: FiledModel, filed: Filed) -> None:
    try:
        said = ModelSettings.of_text(text)
    except ValueError:
        filed.problem(model.line, f"models[{number}]: write WHERE, NAME=WHERE, or settings")
        return
    model.settings["model"] = Placed(said.model, model.line)
    if said.name:
        model.settings["name"] = Placed(said.name, model.line)


def _place_of(name: str) -> str | None:
    """The section in which a name is a setting of the server or of all models."""
    if name in SERVER:
        return "server"
    return "defaults" if name in DEFAULTS else None
