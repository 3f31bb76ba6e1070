"""Conversations as clients write them → ``core.request.Message``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from pippin.api.fields import LIST, TEXT, Label, at_most, text_or_list
from pippin.api.validation import TAG_PREFIX, Body, disagreement, unsupported_part
from pippin.core.request import ChatPrompt, Message
from pippin.errors import InvalidRequest
from pippin.settings import MAX_PROMPTS

MAX_KWARG_CHARS = 128
MAX_KWARGS = 64
MAX_MESSAGES = 10_000
MAX_PARTS = 10_000

NO_TEXT_PARTS = ("image_url", "image", "input_image", "input_audio", "audio", "video_url", "file")


class CacheControl(Body):
    """Where another kind of server would put a mark into its cache. Here: without effect."""

    type: Literal["ephemeral"]
    ttl: Label | None = None


class TextPart(Body):
    """One part of a message's content."""

    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None


def _text_only(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in NO_TEXT_PARTS:
        raise unsupported_part("this model reads text only.")
    return part


Content = Annotated[
    Annotated[str, Tag(TEXT)]
    | Annotated[
        list[Annotated[TextPart, BeforeValidator(_text_only)]],
        Field(fail_fast=True),
        at_most(MAX_PARTS),
        Tag(LIST),
    ],
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


ONE, SEVERAL = f"{TAG_PREFIX}one", f"{TAG_PREFIX}several"


def _one_or_several(value: object) -> str | None:
    if not isinstance(value, list):
        return None
    return SEVERAL if value and isinstance(value[0], list) else ONE


Conversation = Annotated[
    list[MessageBody], Field(min_length=1, fail_fast=True), at_most(MAX_MESSAGES)
]
Conversations = Annotated[
    Annotated[Conversation, Tag(ONE)]
    | Annotated[
        list[Conversation],
        Field(min_length=1, fail_fast=True),
        at_most(MAX_PROMPTS),
        Tag(SEVERAL),
    ],
    Discriminator(
        _one_or_several,
        custom_error_type="pippin_messages",
        custom_error_message="must be a list of messages, or a list of such lists.",
    ),
]


def _kind_of(value: object) -> str | None:
    name = type(value).__name__
    return TAG_PREFIX + name if name in ("bool", "int", "float", "str") else None


TemplateValue = Annotated[
    Annotated[bool, Tag(f"{TAG_PREFIX}bool")]
    | Annotated[int, Tag(f"{TAG_PREFIX}int")]
    | Annotated[float, Tag(f"{TAG_PREFIX}float")]
    | Annotated[str, Field(max_length=MAX_KWARG_CHARS), Tag(f"{TAG_PREFIX}str")],
    Discriminator(
        _kind_of,
        custom_error_type="pippin_template_value",
        custom_error_message="must be a string, a number, true or false.",
    ),
]
TemplateKwargs = Annotated[
    dict[Annotated[str, Field(max_length=64)], TemplateValue], at_most(MAX_KWARGS)
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
