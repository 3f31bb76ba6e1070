"""Text → token ids."""

from collections.abc import Sequence

import msgspec
from tokenizers import Tokenizer

from pippin.core.request import ChatPrompt, Prompt, TextPrompt
from pippin.errors import InvalidRequest
from pippin.prompt.template import ChatTemplate, unused_mark


class PromptEncoder:
    """Makes a prompt's tokens. Owned by the worker; safe from several threads.

    In a conversation, special tokens that a message contains as text ("<|im_end|>") are encoded
    as that text, so no message can end its own turn. Raw text prompts are their author's own:
    special tokens in them count.
    """

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate | None) -> None:
        self._tokenizer = tokenizer
        self._template = template
        added = tokenizer.get_added_tokens_decoder().values()
        self._special = [t.content for t in added if t.special and len(t.content) > 1]

    def encode(self, prompt: Prompt, *, add_special_tokens: bool = True) -> tuple[int, ...]:
        """Every token of the prompt, as generation sees it.

        Raises:
            InvalidRequest: the model cannot read this prompt.
        """
        if isinstance(prompt, ChatPrompt):
            return self._encode_chat(prompt)
        if isinstance(prompt, TextPrompt):
            return self._encode_pieces([prompt.text], add_special_tokens)
        return prompt.tokens

    def _encode_chat(self, prompt: ChatPrompt) -> tuple[int, ...]:
        if self._template is None:
            raise InvalidRequest(
                "This model has no chat template. Use /v1/completions with the prompt as text.",
                "messages",
            )
        text = "".join(message.content for message in prompt.messages)
        if not any(token in text for token in self._special):
            return self._encode_pieces([self._template.render(prompt)], False)
        mark = unused_mark(text)
        rendered = self._template.render(self._defused(prompt, mark))
        return self._encode_pieces(rendered.split(mark), False)

    def _defused(self, prompt: ChatPrompt, mark: str) -> ChatPrompt:
        """A mark inside every special token in the messages. Where the rendered text is cut at
        the marks, no piece contains a whole one, so each is encoded as plain text."""
        messages = []
        for message in prompt.messages:
            content = message.content
            for token in self._special:
                content = content.replace(token, token[:1] + mark + token[1:])
            messages.append(msgspec.structs.replace(message, content=content))
        return msgspec.structs.replace(prompt, messages=tuple(messages))

    def _encode_pieces(self, pieces: Sequence[str], add_special_tokens: bool) -> tuple[int, ...]:
        # encode_batch releases the GIL, encode does not.
        encodings = self._tokenizer.encode_batch(
            list(pieces), add_special_tokens=add_special_tokens
        )
        return tuple(i for encoding in encodings for i in encoding.ids)
