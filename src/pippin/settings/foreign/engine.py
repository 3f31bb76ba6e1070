"""The JSON file of MLX Engine Server: one model, and the server's own keys beside it."""

from pathlib import Path
from typing import Any

from pippin.settings.document import Node
from pippin.settings.filed import Filed, FiledModel, Placed
from pippin.settings.foreign.rules import Apart, Becomes, Rule, Vain, translate

NEVER_DID = "nor had it there; a request says what it wants"
KEYS: dict[str, Rule] = {
    "host": Becomes("host"),
    "port": Becomes("port"),
    "log_level": Becomes("log_level"),
    "api_key": Becomes("api_keys"),
    "default_max_tokens": Becomes("max_tokens"),
    "default_temperature": Becomes("temperature"),
    "default_top_p": Becomes("top_p"),
    "default_repetition_penalty": Becomes("repetition_penalty"),
    "model_path": Apart(),
    "adapter_path": Apart(),
    "cors_enabled": Apart(),
    "cors_origins": Apart(),
    "workers": Vain("one worker answers many requests at once; see max_lanes", unless=(1,)),
    "reload": Vain("a server does not watch its own code", unless=(False,)),
    "logs_dir": Vain("the log is written to standard output; redirect it where you want it"),
    "config_file": Vain("it names this file"),
    "request_timeout": Vain("nor had it there; see queue_timeout_s", unless=(300,)),
    "max_concurrent_requests": Vain("nor had it there; see max_concurrency", unless=(10,)),
    "enable_streaming": Vain(NEVER_DID, unless=(True,)),
}
TELLING = KEYS.keys() - {"host", "port", "log_level", "workers"}
"""Keys that nobody else has."""


def recognises(root: Node, path: Path) -> bool:
    """Whether the file is one of MLX Engine Server's."""
    names = root.members.keys()
    if names & {"server", "defaults", "models"}:
        return False
    return bool(names & TELLING) or (path.suffix == ".json" and bool(names & KEYS.keys()))


def read(root: Node, filed: Filed) -> None:
    """Take over what the file says."""
    translate(root.members, KEYS, "", filed, filed.settings)
    _cors(root, filed)
    given = root.members.get("model_path")
    if given is not None and given.value is not None:
        model = FiledModel(given.line, {"model": Placed(given.value, given.line)})
        filed.models = [model]
    adapter = root.members.get("adapter_path")
    if adapter is not None and isinstance(adapter.value, str) and adapter.value:
        name = adapter_name(adapter.value)
        filed.settings["adapters"] = Placed({name: adapter.value}, adapter.line)
        filed.settings["default_adapter"] = Placed(name, adapter.line)


def adapter_name(path: str) -> str:
    """What an adapter is called that only has a path."""
    return Path(path).name or "adapter"


def _cors(root: Node, filed: Filed) -> None:
    """Origins count only where ``cors_enabled`` is not off."""
    enabled, origins = root.members.get("cors_enabled"), root.members.get("cors_origins")
    off = enabled is not None and enabled.value is False
    if off and enabled is not None:
        filed.settings["cors_origins"] = Placed((), enabled.line)
    elif origins is not None and origins.value is not None:
        value: Any = origins.plain
        filed.settings["cors_origins"] = Placed(value, origins.line)
    elif enabled is not None and enabled.value is True:
        filed.settings["cors_origins"] = Placed(("*",), enabled.line)
