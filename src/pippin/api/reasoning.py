"""How much a model thinks before it answers, as clients ask for it.

Templates have their own switches: ``enable_thinking`` (Qwen, GLM), ``thinking`` (DeepSeek,
Granite), ``reasoning_effort`` (gpt-oss). What is asked is said in the model's own words; what its
template cannot do is refused, never ignored.
"""

from typing import Annotated, Literal

from pydantic import Field

from pippin.api.fields import MAX_TOKENS
from pippin.api.messages import TemplateArguments, TemplateKwargs
from pippin.api.validation import Body, disagreement
from pippin.core.model import ModelInfo
from pippin.errors import InvalidRequest, UnsupportedParameter

SWITCHES = ("enable_thinking", "thinking")
"""A template's yes or no to thinking."""


class ReasoningFields(Body):
    """The fields of a chat body about thinking."""

    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    """OpenAI's. Given to the model's template; where that only knows yes and no, ``none`` is no
    and all else is yes."""
    enable_thinking: bool | None = None
    """Qwen's: whether the model thinks before it answers; also in ``chat_template_kwargs``."""
    thinking_budget: Annotated[int, Field(ge=0, le=MAX_TOKENS)] | None = None
    """Tokens after which thinking is ended by force, and the answer begins."""
    chat_template_kwargs: TemplateKwargs | None = None
    """Arguments for the model's template; ``/v1/capabilities`` names those it offers."""

    def check_agreement(self) -> None:
        super().check_agreement()
        effort, switch = self.reasoning_effort, self.enable_thinking
        if effort is not None and switch is not None and switch != (effort != "none"):
            raise disagreement(
                "enable_thinking", "enable_thinking and reasoning_effort disagree; give one."
            )
        for name, asked in (("enable_thinking", switch), ("reasoning_effort", effort)):
            if asked is not None and self._argument(name) not in (None, asked):
                raise disagreement(
                    f"chat_template_kwargs.{name}",
                    f"{name} and chat_template_kwargs.{name} disagree; give one.",
                )

    def _argument(self, name: str) -> object:
        return (self.chat_template_kwargs or {}).get(name)


def template_arguments(ask: ReasoningFields, info: ModelInfo) -> TemplateArguments:
    """What the template is given: the client's own arguments, and what the other fields mean.

    Raises:
        InvalidRequest: or ``UnsupportedParameter``: this model's template cannot do it.
    """
    arguments = dict(ask.chat_template_kwargs or {})
    _check_offered(arguments, info.template_kwargs)
    switches = [name for name in SWITCHES if name in info.template_kwargs]
    wanted, effort = ask.enable_thinking, ask.reasoning_effort
    if effort is not None:
        wanted = effort != "none" if switches else wanted
        if "reasoning_effort" in info.template_kwargs:
            if wanted is not False:
                arguments["reasoning_effort"] = effort
        elif not switches and (info.thinking or effort != "none"):
            raise UnsupportedParameter(
                "reasoning_effort is not offered by this model; leave it out.", "reasoning_effort"
            )
    if wanted is not None:
        _switch_thinking(arguments, switches, wanted, info)
    if ask.thinking_budget is not None:
        _tell_budget(arguments, ask.thinking_budget, info)
    return arguments


def _switch_thinking(
    arguments: TemplateArguments, switches: list[str], wanted: bool, info: ModelInfo
) -> None:
    if not switches and wanted != info.thinking:
        always = "always" if info.thinking else "never"
        raise UnsupportedParameter(
            f"enable_thinking cannot be {str(wanted).lower()}: this model {always} thinks.",
            "enable_thinking",
        )
    for switch in switches:
        if arguments.setdefault(switch, wanted) != wanted:
            raise InvalidRequest(
                f"chat_template_kwargs.{switch} disagrees with another field about thinking; "
                "give one of them.",
                f"chat_template_kwargs.{switch}",
            )


def _tell_budget(arguments: TemplateArguments, budget: int, info: ModelInfo) -> None:
    if not info.thinking:
        raise UnsupportedParameter(
            "thinking_budget is not offered: this model does not think before it answers.",
            "thinking_budget",
        )
    if "thinking_budget" in info.template_kwargs:
        arguments.setdefault("thinking_budget", budget)


def _check_offered(arguments: TemplateArguments, offered: tuple[str, ...]) -> None:
    """Raises ``InvalidRequest`` for an argument that the model's template does not read."""
    for name in arguments:
        if name not in offered:
            shown = ascii(name)[1:-1]
            raise InvalidRequest(
                f"chat_template_kwargs.{shown} is not offered by this model. It offers: "
                f"{', '.join(offered) or 'none'}.",
                f"chat_template_kwargs.{shown}",
            )
