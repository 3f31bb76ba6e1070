"""Constraints that begin after the model has thought."""

import random

import pytest
from llguidance import LLTokenizer

from pippin.core.constraint import Choice, Constraint, Grammar, JSONSchema, Regex
from pippin.engine.constraints.compiler import Compiler
from pippin.output.thinking import Thinking, ThinkingMarks
from tests.engine.constraints.vocabularies import accepts_tokens, demo, walk

MARKS = ThinkingMarks("<think>", "</think>")
ANSWERS: list[tuple[Constraint, str]] = [
    (JSONSchema(schema='{"type": "object", "properties": {"a": {"type": "integer"}}}'), '{"a":1}'),
    (Choice(options=("yes", "no")), "yes"),
    (Regex(pattern=r"\d+ (apples|pears)"), "3 pears"),
    (Grammar(text='start: "a" B*\nB: /b/\n%ignore " "\n'), "a b b"),
    (Grammar(text='root ::= "(" root ")" | [a-z]+'), "((x))"),
]
KINDS = {"special": ("<think>", "</think>"), "plain": (), "mixed": ("</think>",)}


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> LLTokenizer:
    return demo(*KINDS[request.param])


def tokens_of(tokenizer: LLTokenizer, *pieces: str) -> list[int]:
    special = {
        tokenizer.decode_str([i]): i
        for i in range(tokenizer.vocab_size)
        if tokenizer.is_special_token(i)
    }
    tokens: list[int] = []
    for piece in pieces:
        tokens += [special[piece]] if piece in special else tokenizer.tokenize_str(piece)
    return tokens


@pytest.mark.parametrize(("constraint", "answer"), ANSWERS)
def test_inside(tokenizer: LLTokenizer, constraint: Constraint, answer: str) -> None:
    compiled = Compiler(tokenizer).compile(constraint, Thinking(MARKS, inside=True))

    def fits(*pieces: str) -> bool:
        return accepts_tokens(compiled.matcher(), tokens_of(tokenizer, *pieces))

    assert fits("Let me < think {", "</think>", answer)
    assert fits("</think>", answer)
    assert fits("so\n", "</think>", "\n\n", answer)
    assert not fits(answer)
    assert not fits("so", "</think>", "12 ?")
    assert not fits("so", "</think>", " " * 20, answer)


@pytest.mark.parametrize(("constraint", "answer"), ANSWERS)
def test_outside(tokenizer: LLTokenizer, constraint: Constraint, answer: str) -> None:
    compiled = Compiler(tokenizer).compile(constraint, Thinking(MARKS, inside=False))

    def fits(*pieces: str) -> bool:
        return accepts_tokens(compiled.matcher(), tokens_of(tokenizer, *pieces))

    assert fits(answer)
    assert fits("<think>", "hm", "</think>", "\n", answer)
    assert fits("<think>", "</think>", answer)
    assert not fits("hm", "</think>", answer)
    assert not fits("<think>", "hm", answer)


@pytest.mark.parametrize("inside", [True, False])
def test_what_it_allows_ends_with_an_answer(tokenizer: LLTokenizer, *, inside: bool) -> None:
    compiled = Compiler(tokenizer).compile(
        Choice(options=("yes", "no")), Thinking(MARKS, inside=inside)
    )
    dice = random.Random(7)
    texts = list(filter(None, (walk(compiled.matcher(), tokenizer, dice) for _ in range(20))))
    assert texts
    for text in texts:
        answer = text.rpartition("</think>")[2].strip()
        assert answer in ("yes", "no")


def test_the_same_constraint_with_and_without_thinking(tokenizer: LLTokenizer) -> None:
    compiler = Compiler(tokenizer)
    choice = Choice(options=("yes", "no"))
    plain = compiler.compile(choice)
    assert accepts_tokens(plain.matcher(), tokens_of(tokenizer, "yes"))
    thinking = compiler.compile(choice, Thinking(MARKS, inside=True))
    assert not accepts_tokens(thinking.matcher(), tokens_of(tokenizer, "yes"))


def test_the_letters_of_a_mark_are_no_thought() -> None:
    """Whoever reads the text would take them for the mark itself."""
    tokenizer = demo("<think>", "</think>")
    thinking = Thinking(MARKS, inside=True)
    compiled = Compiler(tokenizer).compile(Choice(options=("yes", "no")), thinking)

    def fits(*pieces: str) -> bool:
        return accepts_tokens(compiled.matcher(), tokens_of(tokenizer, *pieces))

    assert fits("a < b", "</think>", "yes")
    assert fits("the mark is </thin", "</think>", "yes")
    assert not fits("the mark is </think>, and no more", "</think>", "yes")
