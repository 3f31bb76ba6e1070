"""Forms of gpt-oss, as the harmony format has them and as the models are known to err."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from pippin.core.tools import ToolUse
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.harmony import Harmony
from pippin.output.pieces import Arguments, Call, Content, Piece, Reasoning
from tests.output.families.grammars import accepts
from tests.output.families.reading import TOOLS
from tests.output.families.walking import Bytes, taken, wander

FAMILY = Harmony()
START = "<|start|>assistant"


def thought(text: str) -> str:
    return f"<|channel|>analysis<|message|>{text}<|end|>"


def said(text: str, channel: str = "final") -> str:
    return f"<|channel|>{channel}<|message|>{text}"


def call(name: str, arguments: str) -> str:
    return f"<|channel|>commentary to={name} <|constrain|>json<|message|>{arguments}<|call|>"


ROME = call("functions.get_weather", '{"city": "Rome"}')
WEATHER = ("get_weather", {"city": "Rome"})
THOUGHT = thought("I look\n it up. ")
THINKS = Reasoning("I look\n it up. ", 30)
UNKNOWN = call("functions.format_disk", "{}")
BROKEN = call("functions.add", '{"a": x}')
HALF = call("functions.add", '{"a": 1').removesuffix("<|call|>")
OTHER_ROLE = "<|start|>bash<|channel|>final<|message|>ls"
OTHER_CHANNEL = "<|channel|>thoughts<|message|>Hm."
FINAL_TO = "<|channel|>final to=functions.ping<|message|>{}"
LONG = "<|channel|>analysis" + " x" * 200


def collected(text: str, cuts: Sequence[int], *, enforced: bool, tools: Any = TOOLS) -> list[Piece]:
    scanner = FAMILY.scanner(tools, enforced=enforced)
    pieces: list[Piece] = []
    at = 0
    for cut in cuts:
        pieces += scanner.add(text[at : at + cut])
        at += cut
    return _joined([*pieces, *scanner.add(text[at:]), *scanner.finish()])


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Arguments) and isinstance(last, Arguments):
            result[-1] = Arguments(last.text + piece.text)
        elif (
            isinstance(piece, (Content, Reasoning))
            and type(last) is type(piece)
            and last.start + len(last.text) == piece.start
        ):
            result[-1] = type(piece)(last.text + piece.text, last.start)
        else:
            result.append(piece)
    return result


def told(pieces: Sequence[Piece]) -> list[Any]:
    result: list[Any] = []
    for piece in pieces:
        match piece:
            case Content():
                result.append(piece.text)
            case Reasoning():
                result.append(["thinks", piece.text])
            case Call():
                result.append((piece.name, None))
            case Arguments():
                result[-1] = (result[-1][0], json.loads(piece.text))
    return result


FORMS: dict[str, tuple[str, list[Any]]] = {
    "an answer": (said("Hello <b>you</b> <|"), ["Hello <b>you</b> <|"]),
    "thinking, and an answer": (
        THOUGHT + START + said("It rains."),
        [["thinks", "I look\n it up. "], "It rains."],
    ),
    "thinking, and a call": (THOUGHT + START + ROME, [["thinks", "I look\n it up. "], WEATHER]),
    "a call whose end is an end of text": (ROME.removesuffix("<|call|>"), [WEATHER]),
    "a preamble": (
        said("I look it up.", "commentary") + "<|end|>" + START + ROME,
        ["I look it up.", WEATHER],
    ),
    "the recipient first": (
        f"{THOUGHT}{START} to=functions.get_weather<|channel|>commentary <|constrain|>json"
        '<|message|>{"city": "Rome"}<|call|>',
        [["thinks", "I look\n it up. "], WEATHER],
    ),
    "the recipient first of all": (
        ' to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Rome"}',
        [WEATHER],
    ),
    "no space before the constraint": (ROME.replace(" <|constrain", "<|constrain"), [WEATHER]),
    "no constraint": (ROME.replace(" <|constrain|>json", ""), [WEATHER]),
    "a call in the channel of thoughts": (
        THOUGHT
        + START
        + ROME.replace("commentary", "analysis").replace("<|constrain|>json", "code"),
        [["thinks", "I look\n it up. "], WEATHER],
    ),
    "no namespace": (ROME.replace("functions.", ""), [WEATHER]),
    "thinking twice": (
        thought("a") + START + thought("b") + START + said("c<|return|>"),
        [["thinks", "a"], ["thinks", "b"], "c"],
    ),
    "a thought that does not end": (
        THOUGHT.removesuffix("<|end|>") + START + said("So."),
        [["thinks", "I look\n it up. "], "So."],
    ),
    "a channel without a start": (THOUGHT + said("So."), [["thinks", "I look\n it up. "], "So."]),
    "a thought that is cut off": (thought("I lo")[:-4], [["thinks", "I lo<|e"]]),
    "text that goes on": ("and so on.", ["and so on."]),
    "talk of it": ("`to=functions.ping` is a recipient", ["`to=functions.ping` is a recipient"]),
    "an unknown tool": (UNKNOWN, [UNKNOWN]),
    "another role": (OTHER_ROLE, [OTHER_ROLE]),
    "another channel": (OTHER_CHANNEL, [OTHER_CHANNEL]),
    "a recipient of the answer": (FINAL_TO, [FINAL_TO]),
    "an endless header": (LONG, [LONG]),
    "half a header": ("<|channel|>comm", ["<|channel|>comm"]),
}
BROKEN_FORMS: dict[str, tuple[str, list[Any]]] = {
    "broken arguments": (BROKEN, [BROKEN]),
    "half a call": (HALF, [HALF]),
    "a broken call behind a thought": (
        THOUGHT + START + BROKEN,
        [["thinks", "I look\n it up. "], START + BROKEN],
    ),
}


@pytest.mark.parametrize("form", [*FORMS, *BROKEN_FORMS])
def test_recorded_forms(form: str) -> None:
    text, meaning = {**FORMS, **BROKEN_FORMS}[form]
    for enforced in (False, True) if form in FORMS else (False,):
        whole = collected(text, [], enforced=enforced)
        assert told(whole) == meaning
        for piece in whole:
            if isinstance(piece, (Content, Reasoning)):
                assert text.startswith(piece.text, piece.start)
        for cuts in ([1] * len(text), *([cut] for cut in range(len(text)))):
            assert collected(text, cuts, enforced=enforced) == whole


def test_thoughts_and_answers_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(TOOLS, enforced=False)
    assert scanner.add("<|channel|>analysis<|message|>I th") == [Reasoning("I th", 30)]
    assert scanner.add("ink<|en") == [Reasoning("ink", 34)]
    assert scanner.add(f"d|>{START}<|channel|>final<|message|>So") == [Content("So", 89)]


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(TOOLS, enforced=True)
    assert scanner.add(
        '<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a"'
    ) == [
        Call("add"),
        Arguments('{"a"'),
    ]
    assert scanner.add(": 1") == [Arguments(": 1")]
    assert scanner.finish() == []


def test_without_tools_channels_are_read_and_calls_are_content() -> None:
    text = THOUGHT + START + ROME
    pieces = collected(text, [], enforced=False, tools=())
    assert pieces == [THINKS, Content(START + ROME, len(THOUGHT))]


def test_the_grammar() -> None:
    lead = THOUGHT + START
    rome = ROME.removesuffix("<|call|>")
    for text in (
        rome,
        lead + rome,
        lead + said("I look.", "commentary") + "<|end|>" + START + rome,
    ):
        assert accepts(FAMILY, TOOLS, text)
        assert accepts(FAMILY, TOOLS, text, ToolUse())
    for text in (said("Hello."), lead + said("")):
        assert accepts(FAMILY, TOOLS, text, ToolUse())
        assert not accepts(FAMILY, TOOLS, text)
    for text in (
        "Hello.",
        "",
        UNKNOWN,
        HALF,
        BROKEN,
        lead,
        lead + rome + START + rome,
        OTHER_CHANNEL,
    ):
        assert not accepts(FAMILY, TOOLS, text, ToolUse())


@pytest.mark.parametrize("mark", ["<|start|>", "<|channel|>", "<|end|>", "<|return|>"])
def test_letters_of_marks_are_no_part_of_a_thought(mark: str) -> None:
    """They would be read as the marks that the model has as special tokens."""
    vocabulary = Bytes(FAMILY.marks)
    grammar = answer_grammar(FAMILY.rules(TOOLS, vocabulary.mark), ToolUse(), vocabulary.mark)
    begun = vocabulary.encode("<|channel|>analysis<|message|>")
    harmless = [*begun, *f"So {mark[:-1]} it".encode()]
    assert taken(grammar, vocabulary.tokenizer, harmless)[0] == len(harmless)
    letters = [*begun, *f"So {mark}".encode()]
    assert taken(grammar, vocabulary.tokenizer, letters)[0] == len(letters) - 1


def likes(token: bytes) -> float:
    """Leads a random text to its end."""
    if token in b'"}]' or token == b"<|end|>":
        return 40
    return 0.02 if token in b"{[\\" else 1 if token[0] < 128 else 0.0001


def test_what_the_grammar_makes_is_read() -> None:
    vocabulary = Bytes(FAMILY.marks)
    use = ToolUse(mode="required")
    grammar = answer_grammar(FAMILY.rules(TOOLS, vocabulary.mark), use, vocabulary.mark)
    ways = [wander(grammar, vocabulary, seed, 500, likes) for seed in range(12)]
    texts = [text for text, whole in ways if whole]
    assert len(texts) >= 6
    for text in texts:
        pieces = collected(text, [], enforced=True)
        assert pieces == collected(text, [], enforced=False)
        *before, begun, arguments = pieces
        assert isinstance(begun, Call)
        assert isinstance(arguments, Arguments)
        assert isinstance(json.loads(arguments.text), dict)
        assert all(isinstance(piece, (Content, Reasoning)) for piece in before)


def test_it_is_known_by_its_template() -> None:
    assert FAMILY.writes("<|start|>assistant<|channel|>final<|message|>{{ message.content }}")
    assert not FAMILY.writes("<|im_start|>assistant")
