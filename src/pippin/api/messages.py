"""Conversations as clients write them → ``core.request.Message``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from pippin.api.fields import Label, text_or_list
from pippin.api.validation import Body, disagreement, unsupported_part
from pippin.core.request import ChatPrompt, Message
from pippin.errors import InvalidRequest

MAX_KWARG_CHARS = 128

NO_TEXT_PARTS = ("image_url", "image", "input_image", "input_audio", "audio", "video_url", "file")


class TextPart(Body):
    """One part of a message's content."""

    type: Literal["text"]
    text: str


def _text_only(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in NO_TEXT_PARTS:
        raise unsupported_part("this model reads text only.")
    return part


Content = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[list[Annotated[TextPart, BeforeValidator(_text_only)]], Tag("@list")],
    Discriminator(
        text_or_list,
        custom_error_type="pippin_content",
        custom_error_message="must be a string or a list of text parts.",
    ),
]


class MessageBody(Body):
    """One turn. The parts of a list are joined as they are."""

    refused: ClassVar[dict[str, tuple[object, ...]]] = {
        "tool_calls": ([],),
        "function_call": (),
        "audio": (),
        "refusal": ("",),
        "annotations": ([],),
        "reasoning_content": ("",),
    }

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Who speaks, for templates that show it."""
    tool_call_id: Label | None = None
    """Which call a tool's message answers; templates of today's models do not show it."""

    def check_agreement(self) -> None:
        if self.tool_call_id is not None and self.role != "tool":
            raise disagreement("tool_call_id", "tool_call_id belongs to messages of role 'tool'.")

    def meaning(self) -> Message:
        content = self.content
        text = content if isinstance(content, str) else "".join(part.text for part in content)
        return Message(role=self.role, content=text, name=self.name)


def _one_or_several(value: object) -> str | None:
    if not isinstance(value, list):
        return None
    return "@several" if value and isinstance(value[0], list) else "@one"


Conversation = Annotated[list[MessageBody], Field(min_length=1)]
Conversations = Annotated[
    Annotated[Conversation, Tag("@one")]
    | Annotated[list[Conversation], Field(min_length=1), Tag("@several")],
    Discriminator(
        _one_or_several,
        custom_error_type="pippin_messages",
        custom_error_message="must be a list of messages, or a list of such lists.",
    ),
]

TemplateKwargs = dict[
    Annotated[str, Field(max_length=64)],
    bool | int | float | Annotated[str, Field(max_length=MAX_KWARG_CHARS)],
]


def conversations_of(messages: list[MessageBody] | list[list[MessageBody]]) -> list[list[Message]]:
    """Every conversation of a request, in order.

    Raises:
        InvalidRequest: one of them has no text at all.
    """
    if isinstance(messages[0], list):
        several: list[list[MessageBody]] = messages
        return [_with_text(several[i], f"messages[{i}]") for i in range(len(several))]
    return [_with_text(messages, "messages")]


def _with_text(conversation: list[MessageBody], param: str) -> list[Message]:
    turns = [message.meaning() for message in conversation]
    if not any(turn.content for turn in turns):
        raise InvalidRequest(f"{param} has no text at all.", param)
    return turns


def chat_prompts(
    conversations: list[list[Message]],
    template_kwargs: dict[str, bool | int | float | str],
    allowed_kwargs: tuple[str, ...],
) -> list[ChatPrompt]:
    """Raises ``InvalidRequest`` for a template argument that the model does not offer."""
    for name in template_kwargs:
        if name not in allowed_kwargs:
            shown = ascii(name)[1:-1]
            raise InvalidRequest(
                f"chat_template_kwargs.{shown} is not offered by this model. It offers: "
                f"{', '.join(allowed_kwargs) or 'none'}.",
                f"chat_template_kwargs.{shown}",
            )
    return [
        ChatPrompt(messages=tuple(turns), template_kwargs=template_kwargs)
        for turns in conversations
    ]
