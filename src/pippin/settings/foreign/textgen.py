"""MLX-Textgen's files: a list or a map of models (0.1), and a map with ``model_configs`` (0.2).

Models of a list are loaded by the first request for them, as there; a single one with the server.
"""

from pathlib import Path

from pippin.settings.document import Node
from pippin.settings.filed import Filed, FiledModel, Placed
from pippin.settings.foreign.rules import Apart, Becomes, Refused, Rule, Vain, translate

WHERE = "model_id_or_path"
CONFIGS = "model_configs"
UNQUANTISED = "fp16"
OWN_TOKENIZER = "a model's tokenizer is read from its own folder; put the files there"
OWN_CONFIG = "a model is loaded as its own config.json says; change it there"
OWN_PIECES = "prompts are read in pieces that suit the device"
TREE = "what is remembered of prompts is kept as a tree, in which nothing replaces another"

MODEL_01: dict[str, Rule] = {
    WHERE: Apart(),
    "tokenizer_id_or_path": Apart(),
    "adapter_path": Apart(),
    "revision": Apart(),
    "quant": Becomes("quantize"),
    "model_name": Becomes("name"),
    "model_config": Refused(OWN_CONFIG, unless=({},)),
    "tokenizer_config": Refused(OWN_TOKENIZER, unless=({},)),
}
MODEL_02: dict[str, Rule] = {
    WHERE: Apart(),
    "tokenizer_repo_or_path": Apart(),
    "model_kwargs": Apart(),
    "tokenizer_kwargs": Refused(OWN_TOKENIZER, unless=({},)),
    "model_name": Becomes("name"),
    "enable_cache": Apart(),
    "preprocess_batch_size": Vain(OWN_PIECES, unless=(512,)),
    "extra_stop_words": Refused("send them as 'stop' with each request", unless=([], "")),
    "reasoning_parser": Vain("thinking is recognised by the model's chat template"),
    "default_template": Refused(
        "a chat template replaces the model's own here: take it out if the model has one, or "
        "write 'chat_format' into a file of Pippin's own"
    ),
}
SERVER_02: dict[str, Rule] = {
    CONFIGS: Apart(),
    "host": Becomes("host"),
    "port": Becomes("port"),
    "api_keys": Becomes("api_keys"),
    "min_tokens": Becomes("cache_min_tokens"),
    "max_capacity": Becomes("cache_slots"),
    "max_reprocess_tokens": Vain(TREE, unless=(250,)),
    "replace_threshold": Vain(TREE, unless=(0.95,)),
    "use_reasoning_content": Vain("thinking is always told as reasoning_content", unless=(True,)),
}


def recognises(root: Node, path: Path) -> bool:
    """Whether the file is one of MLX-Textgen's."""
    return (
        CONFIGS in root.members
        or WHERE in root.members
        or any(WHERE in one.members for one in root.items)
    )


def read(root: Node, filed: Filed) -> None:
    """Take over what the file says."""
    newer = CONFIGS in root.members
    if newer:
        translate(root.members, SERVER_02, "", filed, filed.settings)
        found, where = root.members[CONFIGS].items, CONFIGS
        if not found:
            filed.problem(root.members[CONFIGS].line, f"{CONFIGS}: write a list of models")
    else:
        found, where = (root.items or [root]), "models"
    filed.models = [
        _model(one, f"{where}[{number}]", newer, filed) for number, one in enumerate(found)
    ]
    if len(found) > 1:
        for model in filed.models:
            model.settings["load"] = Placed("demand", model.line)


def clean(text: str) -> str:
    """The last part of a path or repository, as MLX-Textgen writes it."""
    return (
        text.rstrip("/\\").replace("\\", "/").rpartition("/")[2].lower().replace("_", "-").strip()
    )


def _model(node: Node, where: str, newer: bool, filed: Filed) -> FiledModel:
    model = FiledModel(node.line)
    said = node.members.get(WHERE)
    if said is None or not isinstance(said.value, str) or not said.value.strip():
        filed.problem(node.line, f"{where}: {WHERE!r} is missing: a folder, or a repository")
        return model
    translate(node.members, MODEL_02 if newer else MODEL_01, where, filed, model.settings)
    model.settings["model"] = Placed(said.value + _revision(node, newer, where, filed), said.line)
    _check_tokenizer(node, said.value, where, filed)
    if newer:
        name = _without_bits(clean(said.value))
        cache = node.members.get("enable_cache")
        if cache is not None and cache.value is False:
            model.settings["cache_ram"] = Placed(0, cache.line)
    else:
        name = clean(said.value) + _quantised(node) + _adapted(node, model)
    model.settings.setdefault("name", Placed(name, said.line))
    return model


def _revision(node: Node, newer: bool, where: str, filed: Filed) -> str:
    """``@revision``, if one is given."""
    members = node.members
    if newer:
        kwargs = members.get("model_kwargs")
        members = kwargs.members if kwargs else {}
        for name in members.keys() - {"revision"}:
            words = f"{where}: {name!r} in 'model_kwargs' cannot be used: {OWN_CONFIG}"
            filed.problem(members[name].line, words)
    given = members.get("revision")
    return "" if given is None or given.value is None else f"@{given.value}"


def _check_tokenizer(node: Node, model: str, where: str, filed: Filed) -> None:
    for name in ("tokenizer_id_or_path", "tokenizer_repo_or_path"):
        given = node.members.get(name)
        if given is not None and given.value not in (None, model):
            filed.problem(given.line, f"{where}: {name!r} cannot be used: {OWN_TOKENIZER}")


def _quantised(node: Node) -> str:
    given = node.members.get("quant")
    plain = given is None or given.value in (None, UNQUANTISED)
    return "" if plain or given is None else f"-{given.value}"


def _adapted(node: Node, model: FiledModel) -> str:
    """The adapter becomes the one for all requests: there it was looked for, and never used."""
    given = node.members.get("adapter_path")
    if given is None or not isinstance(given.value, str):
        return ""
    name = clean(given.value)
    model.settings["adapters"] = Placed({name: given.value}, given.line)
    model.settings["default_adapter"] = Placed(name, given.line)
    return f"-{name}"


def _without_bits(name: str) -> str:
    """0.2 takes ``-4bit`` off a name."""
    stem, dash, last = name.rpartition("-")
    return stem if dash and "bit" in last else name
