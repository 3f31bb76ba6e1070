"""One choice's events: text, log-probabilities, ends."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.events import CallStarted, Delta, Event, Finished
from pippin.core.tools import Tool
from pippin.output.choice import Choice, End
from pippin.output.families.hermes import Hermes
from pippin.output.pieces import Arguments, Call, Content, Piece, PlainScanner, Scanner
from pippin.output.stops import StopText
from pippin.output.thinking import Thinking, ThinkingMarks, ThinkingScanner
from pippin.output.vocabulary import Vocabulary

TOKENIZER = Tokenizer.from_file(str(demo.MODELS["demo"] / "tokenizer.json"))
VOCABULARY = Vocabulary(TOKENIZER)
TEXTS = st.text(alphabet="ab é世🎉", min_size=1)


def events(text: str, **options: object) -> list[Event]:
    """All events of a choice that generates ``text`` and then reaches its token limit."""
    choice = Choice(1, 0, VOCABULARY, **options)  # type: ignore[arg-type]
    tokens = TOKENIZER.encode(text, add_special_tokens=False).ids
    said: list[Event] = []
    for place, token in enumerate(tokens):
        end: End | None = "length" if place == len(tokens) - 1 else None
        said += choice.add(token, end, -0.5, ())
        if choice.finished:
            break
    return said


def text_of(said: list[Event]) -> str:
    return "".join(event.text for event in said if isinstance(event, Delta))


def finish_of(said: list[Event]) -> Finished:
    assert isinstance(said[-1], Finished)
    assert not any(isinstance(event, Finished) for event in said[:-1])
    return said[-1]


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_text_up_to_the_stop_and_logprobs_of_just_that(text: str, stops: list[str]) -> None:
    said = events(text, stop=tuple(map(StopText, stops)))
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    answer = text_of(said)
    assert text.startswith(answer)
    if ends:
        assert finish_of(said).reason == "stop"
        assert len(answer) < min(ends)
    else:
        assert answer == text
        assert finish_of(said).reason == "length"
    entries = [e for event in said if isinstance(event, Delta) for e in event.logprobs]
    raw = b"".join(entry.raw for entry in entries)
    assert raw.startswith(answer.encode())
    shorter = b"".join(entry.raw for entry in entries[:-1]).decode("utf-8", "ignore")
    assert not answer or len(shorter) < len(answer)


def test_usage_counts_tokens_up_to_the_stop() -> None:
    whole = TOKENIZER.encode("hello world and more", add_special_tokens=False).ids
    upto = TOKENIZER.encode("hello world", add_special_tokens=False).ids
    assert whole[: len(upto)] == upto
    finish = finish_of(events("hello world and more", stop=(StopText("world"),)))
    assert finish.completion_tokens == len(upto)


def test_no_stop_before_min_tokens() -> None:
    assert text_of(events("aaab", stop=(StopText("a"),), min_tokens=50)) == "aaab"


def test_summed_logprobs_only_when_asked() -> None:
    assert finish_of(events("hello")).logprob_sum is None
    tokens = len(TOKENIZER.encode("hello", add_special_tokens=False).ids)
    assert finish_of(events("hello", sum_logprobs=True)).logprob_sum == -0.5 * tokens


MARKS = ThinkingMarks("<think>", "</think>")


def told(text: str, scanner: Scanner, **options: object) -> tuple[list[Event], Finished]:
    said = events(text, scanner=scanner, **options)
    return said, finish_of(said)


def test_thinking_is_told_apart_and_counted() -> None:
    said, finish = told(
        "let me see\n</think>\n\nhello", ThinkingScanner(Thinking(MARKS, True), PlainScanner())
    )
    by_channel = {
        channel: "".join(e.text for e in said if isinstance(e, Delta) and e.channel == channel)
        for channel in ("reasoning", "content")
    }
    assert by_channel == {"reasoning": "let me see", "content": "hello"}
    thought = len(TOKENIZER.encode("let me see\n</think>\n\n", add_special_tokens=False).ids)
    assert abs(finish.reasoning_tokens - thought) <= 1
    assert finish.reason == "length"
    logprobs = [e for event in said if isinstance(event, Delta) for e in event.logprobs]
    assert b"".join(entry.raw for entry in logprobs).strip() == b"hello"


def test_the_markup_of_a_call_is_no_thinking() -> None:
    thinking = "let me see\n</think>\n\n"
    call = '<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call>'
    calls = Hermes().scanner([Tool(name="add")], enforced=True)
    _, finish = told(thinking + call, ThinkingScanner(Thinking(MARKS, True), calls))
    assert finish.reason == "length"
    thought = len(TOKENIZER.encode(thinking, add_special_tokens=False).ids)
    assert abs(finish.reasoning_tokens - thought) <= 1


def test_stop_texts_are_not_looked_for_in_thinking() -> None:
    scanner = ThinkingScanner(Thinking(MARKS, True), PlainScanner())
    said, finish = told("no end here</think>the end of it", scanner, stop=(StopText("end"),))
    assert text_of(said) == "no end herethe "
    assert finish.reason == "stop"


class OneCall:
    """A scanner that takes the first line for content and the rest for a call."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, text: str) -> list[Piece]:
        self._text += text
        return []

    def finish(self) -> list[Piece]:
        line, _, rest = self._text.partition("\n")
        return [Content(line, 0), Call("look"), Arguments(rest[:2]), Arguments(rest[2:])]


def test_calls_have_ids_and_pieces_and_end_the_answer() -> None:
    said, finish = told('let me\n{"a": 1}', OneCall())
    assert text_of([e for e in said if isinstance(e, Delta) and e.channel == "content"]) == "let me"
    (begun,) = [event for event in said if isinstance(event, CallStarted)]
    assert (begun.call, begun.name) == (0, "look")
    assert begun.call_id.startswith("call_")
    pieces = [e for e in said if isinstance(e, Delta) and e.channel == "arguments"]
    assert "".join(piece.text for piece in pieces) == '{"a": 1}'
    assert {piece.call for piece in pieces} == {0}
    assert finish.reason == "length"
    choice = Choice(1, 0, VOCABULARY, scanner=OneCall())
    assert finish_of(choice.add(5, "complete")).reason == "tool_calls"


def test_a_token_after_which_nothing_can_follow_is_part_of_the_text() -> None:
    (token,) = TOKENIZER.encode("x", add_special_tokens=False).ids
    whole = Choice(1, 0, VOCABULARY).add(token, "complete")
    assert text_of(whole) == "x"
    assert finish_of(whole).reason == "stop"
    assert text_of(Choice(1, 0, VOCABULARY).add(token, "stop")) == ""
