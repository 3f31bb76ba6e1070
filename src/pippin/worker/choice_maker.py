"""A request → the choices of its answer, which make events of tokens."""

from collections.abc import Callable

from pippin.core.request import ChatPrompt, GenerationRequest, Prompt
from pippin.output.choice import Choice
from pippin.output.detokenizer import Detokenizer
from pippin.output.stops import StopText
from pippin.output.thinking import Thinking
from pippin.worker.language import Language

MakeChoice = Callable[[int, int], Choice]
"""The choice of this number, of which so many tokens were told already."""


def choice_maker(
    language: Language, id: int, request: GenerationRequest, thinking: Thinking | None
) -> MakeChoice:
    """``thinking``: how the answer may begin."""
    vocabulary = language.vocabulary
    is_chat = isinstance(request.prompt, ChatPrompt)
    stops = [StopText(stop) for stop in request.stop]

    def make(index: int, told: int) -> Choice:
        detokenizer = Detokenizer(
            vocabulary,
            # What has a form has it to the letter: its first space is its own.
            at_start=_begins_a_text(request.prompt) and not request.constraint,
            shown=language.manner.shown if is_chat else frozenset(),
        )
        return Choice(
            id,
            index,
            vocabulary,
            detokenizer=detokenizer,
            scanner=language.scanner(request, thinking),
            stop=stops,
            min_tokens=request.min_tokens,
            sum_logprobs=request.score,
            told=told,
        )

    return make


def _begins_a_text(prompt: Prompt) -> bool:
    """Whether the answer is a text of its own, and does not continue one."""
    return isinstance(prompt, ChatPrompt) and prompt.messages[-1].role != "assistant"
