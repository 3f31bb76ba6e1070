"""A choice that is taken up again from its told tokens tells what was not told, and no more."""

from itertools import chain

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pippin import demo
from pippin.core.events import CallStarted, Delta, Event, Finished
from pippin.core.tools import Tool
from pippin.output.choice import Choice, End
from pippin.output.families.hermes import Hermes
from pippin.output.pieces import PlainScanner, Scanner
from pippin.output.stops import StopText
from pippin.output.thinking import Thinking, ThinkingMarks, ThinkingScanner
from pippin.output.vocabulary import Vocabulary

TOKENIZER = Tokenizer.from_file(str(demo.MODELS["demo"] / "tokenizer.json"))
VOCABULARY = Vocabulary(TOKENIZER)
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": "é"}}\n</tool_call>'
FRAGMENTS = [
    *"ab \n",
    "🎉",
    "世",
    "\n\nE",
    "</think>",
    "</thi",
    "thought",
    CALL,
    "<tool_call>",
    "{",
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12).map("".join)
STOPS = st.lists(st.sampled_from(["\n\nEND", "b a", "a🎉", "\nEa"]), max_size=2)
SCANNERS = st.sampled_from(["plain", "thinking", "calls", "both"])


def scanner(kind: str) -> Scanner:
    tools = kind in ("calls", "both")
    answer = Hermes().scanner([Tool(name="add")], enforced=False) if tools else PlainScanner()
    if kind in ("plain", "calls"):
        return answer
    return ThinkingScanner(Thinking(ThinkingMarks("<think>", "</think>"), inside=True), answer)


class Life:
    """What one choice says, token by token."""

    def __init__(self, kind: str, stops: list[str], asked: bool, told: int = 0) -> None:
        self._top: tuple[tuple[int, float], ...] | None = () if asked else None
        self.choice = Choice(
            1,
            0,
            VOCABULARY,
            scanner=scanner(kind),
            stop=tuple(map(StopText, stops)),
            min_tokens=2,
            told=told,
        )

    def says(self, tokens: list[int], begin: int) -> list[list[Event]]:
        """The events of each token from ``begin`` on, until the choice ends."""
        groups = []
        for place in range(begin, len(tokens)):
            if self.choice.finished:
                break
            end: End | None = "length" if place == len(tokens) - 1 else None
            groups.append(self.choice.add(tokens[place], end, -float(place), self._top))
        return [[_without_id(event) for event in group] for group in groups]


def _without_id(event: Event) -> Event:
    if isinstance(event, CallStarted):
        return msgspec.structs.replace(event, call_id="")
    return event


def told_tokens(groups: list[list[Event]]) -> list[int]:
    events = (e for group in groups for e in group if isinstance(e, Delta | CallStarted))
    return list(chain.from_iterable(event.tokens for event in events))


@settings(deadline=None, max_examples=300)
@given(TEXTS, STOPS, SCANNERS, st.booleans(), st.data())
def test_cut_anywhere(
    text: str, stops: list[str], kind: str, asked: bool, data: st.DataObject
) -> None:
    tokens = TOKENIZER.encode(text, add_special_tokens=False).ids
    whole = Life(kind, stops, asked).says(tokens, 0)
    cut = data.draw(st.integers(0, len(whole) - 1))
    told = told_tokens(whole[:cut])
    assert told == tokens[: len(told)]
    trial = Life(kind, stops, asked, len(told))
    assert not any(trial.choice.add(token, top=() if asked else None) for token in told)
    settled = settled_tokens(kind, stops, told) if asked else len(told)
    life = Life(kind, stops, asked, len(told))
    for token in told[:settled]:
        assert life.choice.add(token, top=() if asked else None) == []
    rest = life.says(tokens, settled)
    before, after = (list(chain.from_iterable(groups)) for groups in (whole[:cut], whole[cut:]))
    assert list(chain.from_iterable(rest)) == after
    assert [type(event) for event in (*before, *after)].count(Finished) == 1


def settled_tokens(kind: str, stops: list[str], told: list[int]) -> int:
    life = Life(kind, stops, asked=True, told=len(told))
    for token in told:
        life.choice.add(token, top=())
    return life.choice.scored


def test_tokens_are_told_by_the_last_event_that_they_make() -> None:
    """A letter that may begin a stop text is kept back; then it comes, with both tokens."""
    a, b = (TOKENIZER.encode(letter, add_special_tokens=False).ids[0] for letter in "ab")
    choice = Choice(1, 0, VOCABULARY, stop=(StopText("ax"),))
    assert choice.add(a) == []
    assert choice.add(b) == [Delta(1, 0, "ab", tokens=(a, b))]
    last = choice.add(a, "length")
    assert last == [Delta(1, 0, "a", tokens=(a,)), Finished(1, 0, "length", 3)]


def test_a_choice_ends_without_a_further_token() -> None:
    (a,) = TOKENIZER.encode("a", add_special_tokens=False).ids
    choice = Choice(1, 0, VOCABULARY, stop=(StopText("ax"),), told=1)
    assert choice.add(a) == []
    assert choice.end("length") == [Delta(1, 0, "a"), Finished(1, 0, "length", 1)]


def test_scores_of_thoughts_and_of_what_has_left_are_not_waited_for() -> None:
    thinking = Life("thinking", [], asked=True)
    tokens = TOKENIZER.encode("a thought", add_special_tokens=False).ids
    for token in tokens:
        thinking.choice.add(token, top=())
    assert thinking.choice.scored >= len(tokens) - 1
