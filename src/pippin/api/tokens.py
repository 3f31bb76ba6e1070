"""Tokens without an answer: tokenize, detokenize, count.

The shapes are those of vLLM's routes of the same names, and take llama.cpp's ``content`` too.
"""

import msgspec
from fastapi import FastAPI, Request, Response

from pippin.api.body import read_body
from pippin.api.fields import ModelName, TokenIds
from pippin.api.json_answer import json_answer
from pippin.api.messages import Conversation, chat_prompts, conversations_of
from pippin.api.ports import Fleet
from pippin.api.reasoning import ReasoningFields, template_arguments
from pippin.api.slots import slot_of
from pippin.api.tools import ToolFields
from pippin.api.validation import Body, disagreement
from pippin.core.model import ModelInfo
from pippin.core.request import Prompt, TextPrompt
from pippin.errors import InvalidRequest


class PromptBody(ToolFields, ReasoningFields):
    """A text or a conversation: exactly one of them. What else shapes a chat's prompt goes with a
    conversation, and means the same as there."""

    model: ModelName | None = None
    prompt: str | None = None
    """Raw text."""
    messages: Conversation | None = None
    """A conversation, as the model's chat template writes it before an answer."""

    @property
    def text(self) -> str | None:
        return self.prompt

    def check_agreement(self) -> None:
        super().check_agreement()
        if (self.text is None) == (self.messages is None):
            raise disagreement("prompt", "Give either prompt or messages.")
        for name in (*ToolFields.model_fields, *ReasoningFields.model_fields):
            if getattr(self, name) is not None and self.messages is None:
                raise disagreement(name, f"{name} needs messages.")

    def meaning(self, info: ModelInfo) -> Prompt:
        """Raises ``InvalidRequest`` for what only this model can refuse."""
        if self.messages is None:
            return TextPrompt(text=self.text or "")
        if not info.chat:
            raise InvalidRequest("This model has no chat template; give prompt.", "messages")
        conversations = conversations_of(self.messages)
        return chat_prompts(conversations, template_arguments(self, info), self.offered)[0]


class TokenizeBody(PromptBody):
    """The body of ``POST /v1/tokenize``."""

    content: str | None = None
    """llama.cpp's name of ``prompt``."""
    add_special_tokens: bool | None = None
    """Whether to add what the tokenizer puts at the start of a text. True if not given."""
    return_token_strs: bool | None = None
    """Answer with each token's own text, too."""

    @property
    def text(self) -> str | None:
        return self.content if self.prompt is None else self.prompt

    def check_agreement(self) -> None:
        if self.prompt is not None and self.content is not None:
            raise disagreement("content", "content is another name of prompt; give one.")
        super().check_agreement()


class DetokenizeBody(Body):
    """The body of ``POST /v1/detokenize``."""

    model: ModelName | None = None
    tokens: TokenIds
    skip_special_tokens: bool | None = None


class TokenizeAnswer(msgspec.Struct, frozen=True):
    tokens: list[int]
    count: int
    max_model_len: int
    token_strs: list[str] | None


class DetokenizeAnswer(msgspec.Struct, frozen=True):
    prompt: str
    content: str
    """The same text, under llama.cpp's name."""


class TokenCountAnswer(msgspec.Struct, frozen=True):
    length: int


def add_token_routes(app: FastAPI, fleet: Fleet) -> None:

    @app.post("/v1/tokenize", tags=["tokens"], summary="Tokens of a text or a conversation")
    async def tokenize(request: Request) -> Response:
        ask = await read_body(request, TokenizeBody)
        model = fleet.find(ask.model, slot_of(request))
        async with model.held() as info:
            tokenized = await model.tokenize(
                ask.meaning(info),
                add_special_tokens=ask.add_special_tokens is not False,
                texts=ask.return_token_strs or False,
            )
        return json_answer(
            TokenizeAnswer(
                tokens=list(tokenized.tokens),
                count=len(tokenized.tokens),
                max_model_len=info.context_length,
                token_strs=list(tokenized.texts) if ask.return_token_strs else None,
            )
        )

    @app.post("/v1/detokenize", tags=["tokens"], summary="The text of tokens")
    async def detokenize(request: Request) -> Response:
        ask = await read_body(request, DetokenizeBody)
        model = fleet.find(ask.model, slot_of(request))
        async with model.held() as info:
            if max(ask.tokens, default=0) >= info.vocab_size:
                raise InvalidRequest(
                    f"tokens must have token ids below {info.vocab_size}.", "tokens"
                )
            text = await model.detokenize(
                tuple(ask.tokens), skip_special_tokens=ask.skip_special_tokens or False
            )
        return json_answer(DetokenizeAnswer(prompt=text, content=text))

    @app.post("/v1/internal/token-count", tags=["tokens"], summary="How many tokens a prompt has")
    async def count_tokens(request: Request) -> Response:
        ask = await read_body(request, PromptBody)
        model = fleet.find(ask.model, slot_of(request))
        async with model.held() as info:
            tokenized = await model.tokenize(ask.meaning(info))
        return json_answer(TokenCountAnswer(len(tokenized.tokens)))
