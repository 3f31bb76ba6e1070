"""Which families there are, and which one a model is of."""

from collections.abc import Sequence
from types import MappingProxyType

from pippin.output.families.arcee import Arcee
from pippin.output.families.command_r import CommandR, CommandR7B
from pippin.output.families.deepseek import DeepSeekV3, DeepSeekV4, DeepSeekV31, DeepSeekV32
from pippin.output.families.family import Family
from pippin.output.families.firefunction import Firefunction
from pippin.output.families.gemma import FunctionGemma, Gemma4
from pippin.output.families.glm import GLM45, GLM47
from pippin.output.families.granite import Granite
from pippin.output.families.harmony import Harmony
from pippin.output.families.hermes import Hermes
from pippin.output.families.kimi import KimiK2
from pippin.output.families.lfm import LFM2
from pippin.output.families.llama import Llama
from pippin.output.families.minimax import MiniMaxM1, MiniMaxM2
from pippin.output.families.mistral import Mistral, MistralNamed
from pippin.output.families.python_list import PythonList
from pippin.output.families.qwen3_coder import Qwen3Coder, SeedOSS
from pippin.output.families.xlam import XLAM

FAMILIES: Sequence[Family] = (
    Harmony(),
    DeepSeekV4(),
    DeepSeekV32(),
    DeepSeekV3(),
    DeepSeekV31(),
    MiniMaxM2(),
    MiniMaxM1(),
    GLM47(),
    GLM45(),
    Gemma4(),
    FunctionGemma(),
    LFM2(),
    KimiK2(),
    SeedOSS(),
    Qwen3Coder(),
    MistralNamed(),
    Mistral(),
    CommandR7B(),
    CommandR(),
    Granite(),
    Firefunction(),
    XLAM(),
    Arcee(),
    PythonList(),
    Llama(),
    Hermes(),
)
"""The most telling first: the first whose way of calling a chat template shows is the model's.
The last is that of a model whose template shows none."""

_ALIASES = MappingProxyType(
    {
        "qwen": "hermes",
        "qwen2_5": "hermes",
        "qwen3": "hermes",
        "hermes2_pro": "hermes",
        "granite4": "hermes",
        "qwen3_xml": "qwen3_coder",
        "nemotron_nano_v3": "qwen3_coder",
        "step3p5": "qwen3_coder",
        "openai": "harmony",
        "gpt_oss": "harmony",
        "deepseek_r1": "deepseek_v3",
        "glm4_moe": "glm45",
        "laguna": "glm47",
        "kimi": "kimi_k2",
        "minimax_m1": "minimax",
        "functiongemma": "function_gemma",
        "lfm": "lfm2",
        "llama3": "llama",
        "llama3_1": "llama",
        "llama3_json": "llama",
        "llama4": "llama",
        "llama4_json": "llama",
        "llama4_pythonic": "pythonic",
        "toolace": "pythonic",
        "mistral_v11": "mistral_named",
        "mistral_v13": "mistral_named",
        "devstral": "mistral_named",
        "magistral": "mistral_named",
        "command_r_plus": "command_r",
        "command_a": "command_r7b",
        "cohere_command3": "command_r7b",
        "firefunction_v2": "firefunction",
        "phi4_mini": "firefunction",
        "phi4_mini_json": "firefunction",
        "arcee_agent": "arcee",
        "granite3": "granite",
    }
)
"""Names by which other servers know a family."""


class UnknownFamily(ValueError):
    """There is none of this name; says which there are."""


def choose(template: str | None, name: str | None) -> Family:
    """The family of a model with this chat template, or the named one.

    Raises ``UnknownFamily``: there is none of that name.
    """
    if name is not None:
        return _named(name)
    for family in FAMILIES:
        if template and family.writes(template):
            return family
    return FAMILIES[-1]


def names() -> list[str]:
    """All names that ``choose`` knows, without the aliases."""
    return sorted(family.name for family in FAMILIES)


def _named(name: str) -> Family:
    plain = name.strip().lower().replace("-", "_").replace(".", "_")
    plain = _ALIASES.get(plain, plain)
    for family in FAMILIES:
        if family.name == plain:
            return family
    raise UnknownFamily(f"no tool parser is named {name!r}; there are {', '.join(names())}")
