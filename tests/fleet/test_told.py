"""From where another worker goes on with an answer."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pippin.core.events import CallStarted, Delta, Event, Finished, Started, TokenLogprob
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.fleet.told import Told
from pippin.wire.messages import Resumption


def told(choices: int = 1, *, echo: bool = False) -> Told:
    return Told(GenerationRequest(prompt=TextPrompt(text="?"), choices=choices, echo=echo))


def test_an_answer_of_which_nothing_was_told_begins_anew() -> None:
    box = told()
    assert box.news(Started(1, 3)) == Started(1, 3)
    assert box.resumed() == ()
    assert box.news(Started(2, 3)) is None


def test_each_choice_goes_on_behind_its_told_tokens() -> None:
    box = told(4)
    events: list[Event] = [
        Delta(1, 0, "a", tokens=(5,)),
        Delta(1, 2, "x"),
        CallStarted(1, 2, 0, "call_0", "f", tokens=(6, 7)),
        Delta(1, 0, "b", tokens=(8, 9)),
        Delta(1, 3, "c", tokens=(4,)),
        Finished(1, 3, "stop", 2),
    ]
    assert [box.news(event) for event in events] == events
    assert box.resumed() == (
        Resumption((5, 8, 9)),
        Resumption(),
        Resumption((6, 7)),
        Resumption(finished=True),
    )


def test_an_end_is_enough_to_go_on() -> None:
    box = told(2)
    box.news(Finished(1, 1, "stop", 1))
    assert box.resumed() == (Resumption(), Resumption(finished=True))


ENTRIES = tuple(TokenLogprob(f"t{i}", b"", -float(i)) for i in range(8))
ECHO = "all of the prompt"
CUTS = st.lists(st.tuples(st.integers(0, len(ECHO)), st.integers(0, len(ENTRIES))), max_size=4)


def pieces(cuts: Sequence[tuple[int, int]]) -> list[Delta]:
    """The echo, in pieces that end at these characters and entries."""
    chars = [0, *sorted(char for char, _ in cuts), len(ECHO)]
    entries = [0, *sorted(entry for _, entry in cuts), len(ENTRIES)]
    places = zip(chars, chars[1:], entries, entries[1:], strict=False)
    return [Delta(1, 0, ECHO[a:b], ENTRIES[c:d]) for a, b, c, d in places]


@given(st.lists(st.tuples(CUTS, st.integers(0, 5)), max_size=4))
def test_an_echo_that_begins_again_is_told_once(
    lives: list[tuple[list[tuple[int, int]], int]],
) -> None:
    """Whatever its pieces are, and wherever workers die."""
    box = told(echo=True)
    deltas = [box.news(piece) for cuts, alive in lives for piece in _life(box, cuts, alive)]
    deltas += [box.news(piece) for piece in _life(box, [], 9)]
    heard = [delta for delta in deltas if isinstance(delta, Delta)]
    assert "".join(delta.text for delta in heard) == ECHO
    assert tuple(entry for delta in heard for entry in delta.logprobs) == ENTRIES
    answer = Delta(1, 0, "!", tokens=(1,))
    assert box.news(answer) == answer
    assert box.resumed() == (Resumption((1,)),)


def _life(box: Told, cuts: list[tuple[int, int]], alive: int) -> list[Delta]:
    """What a worker says that dies after so many pieces."""
    assert box.resumed() == ()
    return pieces(cuts)[:alive]
