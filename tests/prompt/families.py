"""Chat templates of the families that people run, reduced to what each does in its own way."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pippin.prompt.abilities import Abilities
from pippin.prompt.template import ChatTemplate


@dataclass(frozen=True)
class Family:
    source: str
    abilities: Abilities
    """What it can do, as its model's card tells."""
    control: tuple[str, ...]
    """Some of its control tokens."""
    hidden: frozenset[str] = field(default_factory=frozenset)
    """Which parts of a history it never shows: ``thought``, ``aside``."""


SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
FOLDER = Path(__file__).parent / "templates"


def source(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


@cache
def template(text: str) -> ChatTemplate:
    """Compiled once for all tests."""
    return ChatTemplate(text, SPECIAL_TOKENS)


IM = ("<|im_start|>", "<|im_end|>")
LLAMA = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
NO_THOUGHT = frozenset({"thought"})

FAMILIES: dict[str, Family] = {
    "hermes": Family(
        source("hermes"),
        Abilities(tools=True, calls=True, results=True, parallel=True),
        (*IM, "<tool_call>", "</tool_call>", "<tool_response>", "<think>", "</think>"),
    ),
    "qwen3_coder": Family(
        source("qwen3_coder"),
        Abilities(
            developer=True,
            tools=True,
            calls=True,
            results=True,
            parallel=True,
            objects=True,
            texts_break=True,
            reasoning=(),
        ),
        (*IM, "<tool_call>", "</tool_call>"),
        NO_THOUGHT,
    ),
    "llama_3_1": Family(
        source("llama_3_1"),
        Abilities(
            developer=True,
            tools=True,
            calls=True,
            results=True,
            objects=True,
            aside="apart",
            reasoning=(),
        ),
        LLAMA,
        NO_THOUGHT,
    ),
    "mistral": Family(
        source("mistral"),
        Abilities(
            system_needs_user=True,
            alternates=True,
            tools=True,
            calls=True,
            results=True,
            parallel=True,
            objects=True,
            aside="lost",
            ids="nine",
            reasoning=(),
        ),
        ("[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
        NO_THOUGHT | {"aside"},
    ),
    "command_r": Family(
        source("command_r"),
        Abilities(tools=True, calls=True, results=True, parallel=True, objects=True, reasoning=()),
        ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|END_ACTION|>"),
        NO_THOUGHT,
    ),
    "deepseek_v3": Family(
        source("deepseek_v3"),
        Abilities(
            calls=True,
            results=True,
            parallel=True,
            empty=None,
            aside="apart",
            reasoning=(),
        ),
        (
            "<\uff5cUser\uff5c>",
            "<\uff5cAssistant\uff5c>",
            "<\uff5ctool▁call▁end\uff5c>",
            "<\uff5cend▁of▁sentence\uff5c>",
        ),
        NO_THOUGHT,
    ),
    "glm_4_5": Family(
        source("glm_4_5"),
        Abilities(
            tools=True, calls=True, results=True, parallel=True, objects=True, texts_break=True
        ),
        ("<|user|>", "<|assistant|>", "<|observation|>", "<tool_call>", "</tool_call>"),
    ),
    "kimi_k2": Family(
        source("kimi_k2"),
        Abilities(
            developer=True,
            tools=True,
            calls=True,
            results=True,
            parallel=True,
            ids="functions",
            reasoning=(),
        ),
        ("<|im_end|>", "<|im_middle|>", "<|tool_call_end|>", "<|tool_calls_section_end|>"),
        NO_THOUGHT,
    ),
    "gemma_3": Family(
        source("gemma_3"),
        Abilities(alternates=True, reasoning=()),
        ("<start_of_turn>", "<end_of_turn>"),
        NO_THOUGHT,
    ),
    "gpt_oss": Family(
        source("gpt_oss"),
        Abilities(
            developer=True,
            tools=True,
            needs_descriptions=True,
            calls=True,
            results=True,
            objects=True,
            reasoning=("thinking",),
        ),
        ("<|start|>", "<|end|>", "<|channel|>", "<|message|>", "<|call|>"),
        NO_THOUGHT,  # beside text
    ),
    "granite": Family(
        source("granite"),
        Abilities(developer=True, tools=True, results=True, reasoning=()),
        ("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "<|tool_call|>"),
        NO_THOUGHT,
    ),
    "hermes_tool_use": Family(
        source("hermes_tool_use"),
        Abilities(
            tools=True,
            needs_descriptions=True,
            needs_a_list=True,
            calls=True,
            results=True,
            parallel=True,
            aside="apart",
            reasoning=(),
        ),
        (*IM, "<tool_call>", "</tool_call>", "</tool_response>"),
        NO_THOUGHT,
    ),
    "lfm2": Family(
        source("lfm2"),
        Abilities(developer=True, tools=True, results=True, reasoning=()),
        (*IM, "<|tool_call_start|>", "<|tool_call_end|>", "<|tool_response_end|>"),
        NO_THOUGHT,
    ),
    "chatml": Family(source("chatml"), Abilities(developer=True, reasoning=()), IM, NO_THOUGHT),
    "gemma_1": Family(
        source("gemma_1"),
        Abilities(system=False, alternates=True, reasoning=()),
        ("<start_of_turn>", "<end_of_turn>"),
        NO_THOUGHT,
    ),
    "firefunction": Family(
        source("firefunction"),
        Abilities(tools=True, calls=True, results=True, parallel=True, objects=True, reasoning=()),
        LLAMA,
        NO_THOUGHT,
    ),
}
