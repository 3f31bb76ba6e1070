"""Text → token ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from pippin.core.request import ChatPrompt, Prompt, TextPrompt
from pippin.errors import InvalidRequest
from pippin.prompt.control import ControlTokens
from pippin.prompt.template import ChatTemplate
from pippin.prompt.words import unused_mark

TAIL_CHARS = 64


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt as the model reads it."""

    tokens: tuple[int, ...]
    """Every token of the prompt, as generation sees it."""
    tail: str
    """The last characters of a conversation's text; nothing of other prompts."""


class PromptEncoder:
    """Makes a prompt's tokens. Owned by the worker; safe from several threads.

    In a conversation, control tokens that a client's text contains as text ("<|im_end|>") are
    encoded as that text, so no message, no tool and no argument can end its own turn. Raw text
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
        self._control = ControlTokens(control)

    def encode(self, prompt: Prompt, *, add_special_tokens: bool = True) -> tuple[int, ...]:
        """Raises: as ``read``."""
        return self.read(prompt, add_special_tokens=add_special_tokens).tokens

    def read(self, prompt: Prompt, *, add_special_tokens: bool = True) -> EncodedPrompt:
        """A prompt in tokens.

        Raises:
            InvalidRequest: the model cannot read this prompt.
        """
        if isinstance(prompt, ChatPrompt):
            pieces = self._rendered(prompt)
            tail = "".join(pieces)[-TAIL_CHARS:]
            return EncodedPrompt(self._encode_pieces(pieces, False), tail)
        if isinstance(prompt, TextPrompt):
            return EncodedPrompt(self._encode_pieces([prompt.text], add_special_tokens), "")
        return EncodedPrompt(prompt.tokens, "")

    def _rendered(self, prompt: ChatPrompt) -> list[str]:
        """A conversation's text, cut where the client's own texts must not become control
        tokens."""
        if self._template is None:
            raise InvalidRequest(
                "This model has no chat template. Use /v1/completions with the prompt as text.",
                "messages",
            )
        texts: list[str] = []

        def noted(text: str) -> str:
            texts.append(text)
            return text

        rendered = self._template.render(prompt, noted)
        control = self._control
        found = control.found_in(texts)
        if not found and not any(map(control.open_at_end, texts)):
            return [rendered]
        mark = unused_mark("".join(texts))
        rendered = self._template.render(prompt, lambda text: control.defused(text, found, mark))
        return rendered.split(mark)

    def _encode_pieces(self, pieces: Sequence[str], add_special_tokens: bool) -> tuple[int, ...]:
        # This one releases the GIL, and does not note where in the text each token stands.
        encodings = self._tokenizer.encode_batch_fast(
            list(pieces), add_special_tokens=add_special_tokens
        )
        return tuple(i for encoding in encodings for i in encoding.ids)
