"""One choice's events: text, log-probabilities, ends."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.events import Delta, Event, Finished, FinishReason
from pippin.output.choice import Choice
from pippin.output.stops import StopText
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
        end: FinishReason | None = "length" if place == len(tokens) - 1 else None
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
