"""Conversations as clients write them → ``core.request.Message``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from pippin.api.fields import LIST, TEXT, Label, at_most, text_or_list
from pippin.api.validation import TAG_PREFIX, Body, disagreement, unsupported_part
from pippin.core.request import ChatPrompt, Message
from pippin.core.tools import Tool, ToolCall
from pippin.errors import InvalidRequest
from pippin.settings import MAX_PROMPTS

MAX_KWARG_CHARS = 128
MAX_KWARGS = 64
MAX_MESSAGES = 10_000
MAX_PARTS = 10_000
MAX_CALLS = 256
"""Of one message."""

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


class CalledFunction(Body):
    name: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: str
    """As the model wrote them: JSON text, mostly."""


class CallBody(Body):
    """A call that the assistant made, as it stood in an answer."""

    id: Label
    type: Literal["function"] = "function"
    function: CalledFunction
    index: Annotated[int, Field(ge=0, le=MAX_CALLS)] | None = None
    """Without effect: left over from a streamed answer."""

    def meaning(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.function.name, arguments=self.function.arguments)


def _known_role(role: Any) -> Any:
    if role == "function":
        raise unsupported_part("use role 'tool', with a tool_call_id.")
    return role


class MessageBody(Body):
    """One turn. The parts of a list are joined as they are."""

    refused: ClassVar[dict[str, tuple[object, ...]]] = {
        "function_call": (),
        "audio": (),
        "refusal": ("",),
        "annotations": ([],),
    }

    role: Annotated[
        Literal["system", "developer", "user", "assistant", "tool"], BeforeValidator(_known_role)
    ]
    content: Content | None = None
    """Its text. Only an assistant's turn that calls tools may be without."""
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Who speaks, for templates that show it. Of a tool's turn: the function's name."""
    tool_calls: Annotated[list[CallBody], Field(fail_fast=True), at_most(MAX_CALLS)] | None = None
    """What the assistant called, after its text."""
    tool_call_id: Label | None = None
    """Which call a tool's message answers."""
    reasoning_content: str | None = None
    """What the assistant thought before its text; a template may show it to the model or not."""
    reasoning: str | None = None
    """Another name of ``reasoning_content``."""

    @property
    def thought(self) -> str | None:
        return self.reasoning_content or self.reasoning or None

    def check_agreement(self) -> None:
        if self.tool_call_id is not None and self.role != "tool":
            raise disagreement("tool_call_id", "tool_call_id belongs to messages of role 'tool'.")
        own = {"tool_calls": self.tool_calls, "reasoning_content": self.thought}
        for name, value in own.items():
            if value and self.role != "assistant":
                raise disagreement(name, f"{name} belongs to messages of role 'assistant'.")
        if self.reasoning and self.reasoning_content not in (None, "", self.reasoning):
            raise disagreement("reasoning", "reasoning and reasoning_content differ; give one.")
        if self.content is None and not self.tool_calls:
            raise disagreement("content", "content is required, unless there are tool_calls.")

    def meaning(self) -> Message:
        content = self.content or ""
        text = content if isinstance(content, str) else "".join(part.text for part in content)
        return Message(
            role=self.role,
            content=text,
            name=self.name,
            reasoning=self.thought,
            tool_calls=tuple(call.meaning() for call in self.tool_calls or ()),
            tool_call_id=self.tool_call_id,
        )


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
    | Annotated[int, Field(ge=-(2**63), le=2**63 - 1), Tag(f"{TAG_PREFIX}int")]
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

TemplateArguments = dict[str, bool | int | float | str]


def conversations_of(messages: list[MessageBody] | list[list[MessageBody]]) -> list[list[Message]]:
    """Every conversation of a request, in order.

    Raises:
        InvalidRequest: one of them has no text at all, or ends with calls that nobody answered.
    """
    if isinstance(messages[0], list):
        several: list[list[MessageBody]] = messages
        return [_turns(several[i], f"messages[{i}]") for i in range(len(several))]
    return [_turns(messages, "messages")]


def _turns(conversation: list[MessageBody], param: str) -> list[Message]:
    turns = [message.meaning() for message in conversation]
    if not any(turn.content or turn.tool_calls for turn in turns):
        raise InvalidRequest(f"{param} has no text at all.", param)
    if turns[-1].tool_calls:
        last = f"{param}[{len(turns) - 1}]"
        raise InvalidRequest(
            f"{last} calls tools: a message of role 'tool' must follow with each result.", last
        )
    return turns


def chat_prompts(
    conversations: list[list[Message]],
    template_kwargs: TemplateArguments,
    tools: tuple[Tool, ...] = (),
) -> list[ChatPrompt]:
    """One prompt for each conversation; all are shown the same tools."""
    return [
        ChatPrompt(messages=tuple(turns), template_kwargs=template_kwargs, tools=tools)
        for turns in conversations
    ]
