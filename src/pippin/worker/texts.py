"""A loaded model's texts → its chat template and its language, with words for the operator."""

from tokenizers import Tokenizer

from pippin.models.errors import CannotLoad
from pippin.output.families.table import UnknownFamily
from pippin.prompt.chat_formats import UnknownFormat, chat_format
from pippin.prompt.template import BrokenTemplate, ChatTemplate
from pippin.worker.language import Language, language_of


def template_of(
    source: str | None, special_tokens: dict[str, str], known_format: str
) -> ChatTemplate | None:
    """``known_format``: one to be used instead of the model's own; empty: its own.

    Raises:
        CannotLoad: it cannot be used.
    """
    try:
        if known_format:
            source = chat_format(known_format)
        return ChatTemplate(source, special_tokens) if source is not None else None
    except (BrokenTemplate, UnknownFormat) as error:
        raise CannotLoad(str(error)) from error


def known_language(
    tokenizer: Tokenizer,
    template: ChatTemplate | None,
    *,
    vocab_size: int,
    eos: frozenset[int],
    tool_parser: str,
) -> Language:
    """As ``language_of``. Raises ``CannotLoad``: there is no such tool parser."""
    try:
        return language_of(
            tokenizer, template, vocab_size=vocab_size, eos=eos, tool_parser=tool_parser
        )
    except UnknownFamily as error:
        raise CannotLoad(f"--tool-parser: {error}.") from error
