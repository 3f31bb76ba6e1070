"""Text → token ids."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from tokenizers import Tokenizer

from pippin.core.request import ChatPrompt, Prompt, TextPrompt
from pippin.errors import InvalidRequest
from pippin.prompt.template import ChatTemplate, unused_mark


class PromptEncoder:
    """Makes a prompt's tokens. Owned by the worker; safe from several threads.

    In a conversation, control tokens that a message, a name or a template argument contains as
    text ("<|im_end|>") are encoded as that text, so no message can end its own turn. Raw text
    prompts are their author's own: control tokens in them count.
    """

    def __init__(
        self, tokenizer: Tokenizer, template: ChatTemplate | None, eos: Iterable[int] = ()
    ) -> None:
        """``eos``: ids that end a text; control tokens even if they are not marked special."""
        self._tokenizer = tokenizer
        self._template = template
        ends = frozenset(eos)
        added = tokenizer.get_added_tokens_decoder()
        control = (t.content for i, t in added.items() if t.special or i in ends)
        self._control = [content for content in control if len(content) > 1]
        self._beginnings = {c[:length] for c in self._control for length in range(1, len(c))}
        self._longest = max(map(len, self._beginnings), default=0)

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
        texts = _texts(prompt)
        if not any(map(self._is_risky, texts)):
            return self._encode_pieces([self._template.render(prompt)], False)
        mark = unused_mark("".join(texts))
        rendered = self._template.render(_rewritten(prompt, lambda t: self._defused(t, mark)))
        return self._encode_pieces(rendered.split(mark), False)

    def _is_risky(self, text: str) -> bool:
        """Whether it contains a control token, or ends with the beginning of one, which a
        template might complete with what follows."""
        return any(control in text for control in self._control) or self._ends_openly(text)

    def _ends_openly(self, text: str) -> bool:
        lengths = range(1, min(self._longest, len(text)) + 1)
        return any(text[-length:] in self._beginnings for length in lengths)

    def _defused(self, text: str, mark: str) -> str:
        """A mark inside every control token, and behind the beginning of one. Where the rendered
        text is cut at the marks no piece has a whole one of the client's, so each is plain text."""
        end = mark if self._ends_openly(text) else ""
        for control in self._control:
            text = text.replace(control, control[:1] + mark + control[1:])
        return text + end

    def _encode_pieces(self, pieces: Sequence[str], add_special_tokens: bool) -> tuple[int, ...]:
        # encode_batch releases the GIL, encode does not.
        encodings = self._tokenizer.encode_batch(
            list(pieces), add_special_tokens=add_special_tokens
        )
        return tuple(i for encoding in encodings for i in encoding.ids)


def _texts(prompt: ChatPrompt) -> list[str]:
    """Everything in a conversation that the client wrote."""
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return text

    _rewritten(prompt, keep)
    return texts


def _rewritten(prompt: ChatPrompt, change: Callable[[str], str]) -> ChatPrompt:
    """The conversation with every text of the client's changed."""
    messages = tuple(
        msgspec.structs.replace(
            message,
            content=change(message.content),
            name=None if message.name is None else change(message.name),
        )
        for message in prompt.messages
    )
    kwargs = {
        name: change(value) if isinstance(value, str) else value
        for name, value in prompt.template_kwargs.items()
    }
    return msgspec.structs.replace(prompt, messages=messages, template_kwargs=kwargs)
