"""Log-probabilities in completions' own shape."""

import math

from pippin.api.logprobs import CompletionLogprobsWriter, chat_logprobs
from pippin.core.events import TokenLogprob, TopLogprob


def test_tokens_that_are_no_whole_characters() -> None:
    pieces = [b"a", b"\xe4", b"\xbd\xa0", b"b"]
    tokens = [TokenLogprob(piece.decode(errors="replace"), piece, -1.0) for piece in pieces]
    shape = CompletionLogprobsWriter().write(tokens)
    assert shape.tokens == ["a", "bytes:\\xe4", "bytes:\\xbd\\xa0", "b"]
    assert shape.text_offset == [0, 1, 1, 2]


def test_offsets_go_on_over_deltas() -> None:
    writer = CompletionLogprobsWriter()
    offsets = [
        offset
        for piece in ("ab", "c", "de")
        for offset in writer.write([TokenLogprob(piece, piece.encode(), -1.0)]).text_offset
    ]
    assert offsets == [0, 2, 3]


def test_the_chosen_token_is_among_the_alternatives() -> None:
    top = (TopLogprob("x", b"x", -0.1),)
    shape = CompletionLogprobsWriter().write([TokenLogprob("y", b"y", -3.0, top)])
    assert shape.top_logprobs == [{"x": -0.1, "y": -3.0}]


def test_the_first_echoed_token_has_none() -> None:
    shape = CompletionLogprobsWriter().write([TokenLogprob("a", b"a", None)])
    assert (shape.token_logprobs, shape.top_logprobs) == ([None], [None])


def test_impossible_tokens_have_a_number() -> None:
    impossible = TokenLogprob("a", b"a", -math.inf, (TopLogprob("b", b"b", -math.inf),))
    assert chat_logprobs([impossible]).content[0].logprob == -9999.0
    assert chat_logprobs([impossible]).content[0].top_logprobs[0].logprob == -9999.0
