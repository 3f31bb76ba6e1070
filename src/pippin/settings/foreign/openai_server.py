"""mlx-openai-server's YAML: ``server``, and ``models`` with a ``model_path`` each."""

from pathlib import Path
from typing import Any

from pippin.settings.document import Node
from pippin.settings.filed import Filed, FiledModel, Placed
from pippin.settings.foreign.rules import Apart, Becomes, Refused, Rule, Vain, translate

WHERE = "model_path"
IDLE_TIMEOUT_S = 60
"""After which it unloads a model that was loaded on demand, if the file does not say."""
LOG = "the log is written to standard output; redirect it where you want it"
TEMPLATE = "it is recognised by the model's chat template"
PICTURES = "it is of models that make pictures"
OTHER_KINDS = "Pippin serves models that answer in text; take this one out"
NEITHER = "it cannot be chosen for all requests; send it with each"
ADAPTERS = "write 'adapters' into a file of Pippin's own"
OPEN = 2**50
"""From so many bytes on a bound is none."""


def _parser(name: Any) -> Any:
    """Their name of a family's way of writing calls, as ours."""
    return PARSERS.get(name.lower(), name) if isinstance(name, str) else name


def _bounded(size: Any) -> Any:
    return None if isinstance(size, int) and size > OPEN else size


PARSERS = {
    "qwen3_moe": "hermes",
    "qwen3_vl": "hermes",
    "minimax_m2": "minimax_m2",
    "nemotron3_nano": "qwen3_coder",
    "step_35": "qwen3_coder",
    "glm4_moe": "glm45",
    "kimi_k2": "kimi_k2",
    "functiongemma": "function_gemma",
    "gemma4": "gemma4",
}
SERVER: dict[str, Rule] = {
    "host": Becomes("host"),
    "port": Becomes("port"),
    "log_level": Becomes("log_level"),
    "log_file": Vain(LOG),
    "no_log_file": Vain(LOG, unless=(True,)),
}
MODEL: dict[str, Rule] = {
    WHERE: Becomes("model"),
    "served_model_name": Becomes("name"),
    "model_type": Refused(OTHER_KINDS, unless=("lm", "multimodal")),
    "on_demand": Apart(),
    "on_demand_idle_timeout": Apart(),
    "context_length": Becomes("context_length"),
    "queue_timeout": Becomes("queue_timeout_s"),
    "queue_size": Becomes("queue_size"),
    "tool_call_parser": Becomes("tool_parser", _parser),
    "kv_bits": Becomes("kv_bits"),
    "prompt_cache_size": Becomes("cache_slots"),
    "prompt_cache_max_bytes": Becomes("cache_ram", _bounded),
    "batch_completion_size": Becomes("max_lanes"),
    "default_max_tokens": Becomes("max_tokens"),
    "default_temperature": Becomes("temperature"),
    "default_top_p": Becomes("top_p"),
    "default_top_k": Becomes("top_k"),
    "default_min_p": Becomes("min_p"),
    "default_repetition_penalty": Becomes("repetition_penalty"),
    "disable_batching": Apart(),
    "prompt_cache_dir": Apart(),
    "chat_template_file": Refused(
        "put the file into the model's folder, as chat_template.jinja", unless=("",)
    ),
    "lora_paths": Refused(ADAPTERS, unless=([],)),
    "lora_scales": Refused(ADAPTERS, unless=([],)),
    "default_presence_penalty": Refused(NEITHER, unless=(0, 0.0)),
    "default_xtc_probability": Refused("there is no such sampling here", unless=(0, 0.0)),
    "default_xtc_threshold": Vain("there is no such sampling here"),
    "default_seed": Refused(NEITHER),
    "default_repetition_context_size": Refused(NEITHER, unless=(20,)),
    "quantize": Vain(PICTURES),
    "config_name": Vain(PICTURES),
    "disable_auto_resize": Vain("pictures are never made smaller behind your back"),
    "enable_auto_tool_choice": Vain("nor had it there: tools are always at hand", (True,)),
    "reasoning_parser": Vain(TEMPLATE),
    "message_converter": Vain(TEMPLATE),
    "trust_remote_code": Vain("code that comes with a model is never run", unless=(False,)),
    "debug": Vain("see log_level", unless=(False,)),
    "draft_model_path": Vain("there is no speculation with a smaller model yet"),
    "num_draft_tokens": Vain("there is no speculation with a smaller model yet", unless=(2,)),
    "kv_group_size": Vain("groups are as large as the heads allow", unless=(64,)),
    "quantized_kv_start": Vain("caches are quantised from the first token on", unless=(0,)),
    "batch_prefill_size": Vain("prompts are read as they come", unless=(8,)),
    "batch_prefill_step_size": Vain("the device decides; see prefill_budget", unless=(2048,)),
}


def recognises(root: Node, path: Path) -> bool:
    """Whether the file is one of mlx-openai-server's."""
    models = root.members.get("models")
    return models is not None and any(
        WHERE in one.members and "model" not in one.members for one in models.items
    )


def read(root: Node, filed: Filed) -> None:
    """Take over what the file says."""
    for name, node in root.members.items():
        if name == "server":
            translate(node.members, SERVER, name, filed, filed.settings)
        elif name != "models":
            filed.unknown(node, "", name, ("server", "models"))
    found = root.members["models"].items
    filed.models = [_model(one, f"models[{n}]", filed) for n, one in enumerate(found)]
    _cache_folder(found, filed)


def _model(node: Node, where: str, filed: Filed) -> FiledModel:
    model = FiledModel(node.line)
    translate(node.members, MODEL, where, filed, model.settings)
    if WHERE not in node.members:
        filed.problem(node.line, f"{where}: {WHERE!r} is missing: a folder, or a repository")
    demand, idle = node.members.get("on_demand"), node.members.get("on_demand_idle_timeout")
    if demand is not None and demand.value is True:
        model.settings["load"] = Placed("demand", demand.line)
        seconds = Placed(IDLE_TIMEOUT_S, demand.line)
        if idle is not None and idle.value is not None:
            seconds = Placed(idle.plain, idle.line)
        model.settings["ttl_s"] = seconds
    alone = node.members.get("disable_batching")
    if alone is not None and alone.value is True:
        model.settings["max_lanes"] = Placed(1, alone.line)
    return model


def _cache_folder(models: list[Node], filed: Filed) -> None:
    """All models share one folder here."""
    given = [one.members["prompt_cache_dir"] for one in models if "prompt_cache_dir" in one.members]
    for node in (node for node in given if node.value is not None):
        taken = filed.settings.setdefault("cache_dir", Placed(node.plain, node.line))
        if taken.value != node.plain:
            words = "'prompt_cache_dir' cannot be used: all models share one folder; see line"
            filed.problem(node.line, f"{words} {taken.line}")
