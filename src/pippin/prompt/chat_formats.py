"""Known ways to write a conversation, for models that come without a chat template or with a wrong
one. The names are those of llama-cpp-python, and of the models that are meant.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_BOS = "{{ bos_token | default('') }}"


def _turns(form: str, ask: str, *, bos: bool = True, roles: str = "") -> str:
    """Every turn in one form, of ``role`` and ``text``. ``ask``: what begins the answer.
    ``roles``: a mapping in Jinja of names that differ."""
    role = f"({roles}).get(message.role, message.role)" if roles else "message.role"
    return (
        (_BOS if bos else "")
        + "{%- for message in messages -%}"
        + f"{{%- set role = {role} -%}}{{%- set text = message.content -%}}"
        + f"{form}{{%- endfor -%}}{{%- if add_generation_prompt -%}}{ask}{{%- endif -%}}"
    )


def _pairs(user: str, assistant: str, *, system: str, ask: str = "", bos: bool = True) -> str:
    """User and assistant in turn. ``system``: what is made of the first message if it is the
    system's, as ``instructions``, empty if there is none; each part is Jinja with ``text``."""
    return (
        "{%- set instructions = messages[0].content if messages[0].role == 'system' else '' -%}"
        "{%- set talk = messages[1:] if messages[0].role == 'system' else messages -%}"
        + (_BOS if bos else "")
        + system
        + "{%- for message in talk -%}{%- set text = message.content -%}"
        "{%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}"
        "{{- raise_exception('user and assistant must take turns') -}}{%- endif -%}"
        f"{{%- if message.role == 'user' -%}}{user}{{%- else -%}}{assistant}{{%- endif -%}}"
        "{%- endfor -%}" + f"{{%- if add_generation_prompt -%}}{ask}{{%- endif -%}}"
    )


_CHATML = _turns(
    "{{- '<|im_start|>' + role + '\\n' + text + '<|im_end|>\\n' -}}",
    "{{- '<|im_start|>assistant\\n' -}}",
    bos=False,
)
_LLAMA_3 = _turns(
    "{{- '<|start_header_id|>' + role + '<|end_header_id|>\\n\\n' + text | trim + '<|eot_id|>' -}}",
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}",
)
_LLAMA_2 = _pairs(
    "{{- (bos_token | default('') if loop.index0 else '') + '[INST] ' -}}"
    "{%- if loop.first and instructions -%}"
    "{{- '<<SYS>>\\n' + instructions + '\\n<</SYS>>\\n\\n' -}}{%- endif -%}"
    "{{- text + ' [/INST]' -}}",
    "{{- ' ' + text + ' ' + eos_token | default('') -}}",
    system="",
)
_MISTRAL = _pairs(
    "{{- '[INST] ' + (instructions + '\\n\\n' if loop.first and instructions else '') "
    "+ text + ' [/INST]' -}}",
    "{{- ' ' + text + eos_token | default('') -}}",
    system="",
)
_GEMMA = _pairs(
    "{{- '<start_of_turn>user\\n' + (instructions + '\\n\\n' if loop.first and instructions "
    "else '') + text | trim + '<end_of_turn>\\n' -}}",
    "{{- '<start_of_turn>model\\n' + text | trim + '<end_of_turn>\\n' -}}",
    system="",
    ask="{{- '<start_of_turn>model\\n' -}}",
)
_PHI_3 = _turns(
    "{{- '<|' + role + '|>\\n' + text + '<|end|>\\n' -}}", "{{- '<|assistant|>\\n' -}}", bos=False
)
_PHI_4 = _turns(
    "{{- '<|im_start|>' + role + '<|im_sep|>' + text + '<|im_end|>' -}}",
    "{{- '<|im_start|>assistant<|im_sep|>' -}}",
    bos=False,
)
_ZEPHYR = _turns(
    "{{- '<|' + role + '|>\\n' + text + eos_token | default('') + '\\n' -}}",
    "{{- '<|assistant|>\\n' -}}",
    bos=False,
)
_VICUNA = _pairs(
    "{{- 'USER: ' + text + ' ' -}}",
    "{{- 'ASSISTANT: ' + text + eos_token | default('') -}}",
    system="{{- instructions + ' ' if instructions else 'A chat between a curious user and an "
    "artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers "
    "to the user\\'s questions. ' -}}",
    ask="{{- 'ASSISTANT:' -}}",
)
_ALPACA = _pairs(
    "{{- '### Instruction:\\n' + text + '\\n\\n' -}}",
    "{{- '### Response:\\n' + text + eos_token | default('') + '\\n\\n' -}}",
    system="{{- instructions + '\\n\\n' if instructions else '' -}}",
    ask="{{- '### Response:\\n' -}}",
)
_OPENCHAT = _turns(
    "{{- 'GPT4 Correct ' + role + ': ' + text + '<|end_of_turn|>' -}}",
    "{{- 'GPT4 Correct Assistant:' -}}",
    roles="{'user': 'User', 'assistant': 'Assistant', 'system': 'System'}",
)
_DEEPSEEK = _pairs(
    "{{- '<\uff5cUser\uff5c>' + text -}}",
    "{{- '<\uff5cAssistant\uff5c>' + text + '<\uff5cend\u2581of\u2581sentence\uff5c>' -}}",
    system="{{- instructions -}}",
    ask="{{- '<\uff5cAssistant\uff5c>' -}}",
)
_DEEPSEEK_CHAT = _pairs(
    "{{- 'User: ' + text + '\\n\\n' -}}",
    "{{- 'Assistant: ' + text + eos_token | default('') -}}",
    system="{{- instructions + '\\n\\n' if instructions else '' -}}",
    ask="{{- 'Assistant:' -}}",
)
_GRANITE = _turns(
    "{{- '<|start_of_role|>' + role + '<|end_of_role|>' + text + '<|end_of_text|>\\n' -}}",
    "{{- '<|start_of_role|>assistant<|end_of_role|>' -}}",
    bos=False,
)
_COMMAND_R = _turns(
    "{{- '<|START_OF_TURN_TOKEN|><|' + role + '_TOKEN|>' + text + '<|END_OF_TURN_TOKEN|>' -}}",
    "{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' -}}",
    roles="{'user': 'USER', 'assistant': 'CHATBOT', 'system': 'SYSTEM'}",
)
_CHATGLM = _turns("{{- '<|' + role + '|>\\n' + text -}}", "{{- '<|assistant|>\\n' -}}", bos=False)

CHAT_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alpaca": _ALPACA,
        "chatglm3": "[gMASK]sop" + _CHATGLM,
        "chatml": _CHATML,
        "chatml-function-calling": _CHATML,
        "command-r": _COMMAND_R,
        "deepseek": _DEEPSEEK,
        "deepseek-llm": _DEEPSEEK_CHAT,
        "gemma": _GEMMA,
        "glm4": "[gMASK]<sop>" + _CHATGLM,
        "granite": _GRANITE,
        "llama-2": _LLAMA_2,
        "llama-3": _LLAMA_3,
        "mistral": _MISTRAL,
        "mistral-instruct": _MISTRAL,
        "openchat": _OPENCHAT,
        "phi-3": _PHI_3,
        "phi-4": _PHI_4,
        "qwen": _CHATML,
        "vicuna": _VICUNA,
        "zephyr": _ZEPHYR,
    }
)
"""Name → Jinja template."""


class UnknownFormat(Exception):
    """The message is for the operator."""


def chat_format(name: str) -> str:
    """The template of a known format.

    Raises:
        UnknownFormat: there is none of that name.
    """
    try:
        return CHAT_FORMATS[name]
    except KeyError:
        known = ", ".join(sorted(CHAT_FORMATS))
        raise UnknownFormat(f"There is no chat format {name!r}. Known are: {known}.") from None
