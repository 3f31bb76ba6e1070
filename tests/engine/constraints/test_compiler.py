"""One compiler for all kinds, remembered within bounds."""

import threading

import pytest
from llguidance import LLMatcher

from pippin.core.constraint import Choice, Constraint, Grammar, JSONSchema, Regex
from pippin.engine.constraints.compiler import Compiled, Compiler
from pippin.engine.constraints.limits import LANES_PER_LEXER, parser_limits
from pippin.errors import InvalidRequest
from pippin.output.thinking import Thinking, ThinkingMarks
from tests.engine.constraints.vocabularies import accepts, demo, letters

DEMO = demo()
COMPILER = Compiler(DEMO)


def fits(constraint: Constraint, text: str) -> bool:
    return accepts(COMPILER.compile(constraint).matcher(), DEMO, text)


def test_choice() -> None:
    choice = Choice(options=("yes", 'a "quoted" one', "yes", "né\n", "(a|b)*"))
    for option in choice.options:
        assert fits(choice, option)
    assert not fits(choice, "no")
    assert not fits(choice, "a")
    assert not fits(choice, "yesyes")


@pytest.mark.parametrize(
    ("options", "words"), [((), "at least one"), (("a", ""), "empty"), (("x" * 300_000,), "262144")]
)
def test_choice_that_is_none(options: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        COMPILER.compile(Choice(options=options, param="structured_outputs"))
    assert caught.value.param == "structured_outputs"


def test_special_tokens_are_letters_in_a_constraint() -> None:
    choice = Choice(options=("<|im_end|>",))
    matcher = COMPILER.compile(choice).matcher()
    end = DEMO.eos_tokens
    assert not any(matcher.deep_copy().consume_token(token) for token in end)
    assert fits(choice, "<|im_end|>")


def test_grammar_of_ours() -> None:
    compiled = COMPILER.compile_lark(
        "a", lambda: 'start: "call " %json {"type": "integer"}', "tools"
    )
    assert accepts(compiled.matcher(), DEMO, "call 12")
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile_lark("b", lambda: "start: nothing", "tools")
    assert caught.value.param == "tools"


def test_every_vocabulary() -> None:
    tokenizer = letters()
    compiled = Compiler(tokenizer).compile(JSONSchema(schema='{"enum": ["é", 1]}'))
    assert accepts(compiled.matcher(), tokenizer, '"é"')
    assert not accepts(compiled.matcher(), tokenizer, '"e"')


def test_lanes_know_nothing_of_each_other() -> None:
    compiled = COMPILER.compile(Regex(pattern="ab|cd"))
    one, two = compiled.matcher(), compiled.matcher()
    assert one.consume_token(DEMO.tokenize_str("a")[0])
    assert not one.consume_token(DEMO.tokenize_str("d")[0])
    assert one.is_error()
    assert accepts(two, DEMO, "cd")
    assert accepts(compiled.matcher(), DEMO, "ab")


class Counted(Compiled):
    """Counts how often its grammar was compiled."""

    made = 0

    def _fresh(self) -> LLMatcher:
        self.made += 1
        return super()._fresh()


def test_lanes_do_not_wait_for_a_new_lexer_but_requests_do() -> None:
    form = Counted(DEMO, "start: /[a-z]+/", parser_limits(), "x")
    for _ in range(2 * LANES_PER_LEXER):
        form.matcher()
    assert form.made == 1
    form.freshen()
    form.freshen()
    assert form.made == 2
    assert accepts(form.matcher(), DEMO, "ab")


def test_lexer_that_broke_is_built_anew() -> None:
    compiled = COMPILER.compile(Regex(pattern=r"(\p{L}{1,500}){1,20}"))
    for _ in range(3):
        lane = compiled.matcher()
        assert not lane.is_error()
        steps = 0
        while not lane.is_error() and steps < 200:
            lane.compute_bitmask()
            lane.consume_token(DEMO.tokenize_str("a")[0])
            steps += 1
        assert steps > 1


def test_remembers_what_it_compiled() -> None:
    compiler = Compiler(DEMO)
    first = compiler.compile(Regex(pattern="a+"))
    assert compiler.compile(Regex(pattern="a+")) is first
    marks = ThinkingMarks("<think>", "</think>")
    assert compiler.compile(Regex(pattern="a+"), Thinking(marks, inside=True)) is not first
    assert compiler.compile(Grammar(text='start: "a"')) is not first


def test_remembers_only_so_many() -> None:
    compiler = Compiler(DEMO, max_cached=2)
    first = compiler.compile(Regex(pattern="a"))
    second = compiler.compile(Regex(pattern="b"))
    assert compiler.compile(Regex(pattern="a")) is first
    compiler.compile(Regex(pattern="c"))
    assert compiler.compile(Regex(pattern="a")) is first
    assert compiler.compile(Regex(pattern="b")) is not second


def test_remembers_only_so_much() -> None:
    compiler = Compiler(DEMO, max_cached_chars=1_500)
    first = compiler.compile(Regex(pattern="a" * 400))
    assert compiler.compile(Regex(pattern="a" * 400)) is first
    compiler.compile(Regex(pattern="b" * 400))
    assert compiler.compile(Regex(pattern="a" * 400)) is not first
    compiler.compile(Regex(pattern="c" * 2_000))


def test_asked_for_by_many_at_once_it_is_compiled_once() -> None:
    compiler = Compiler(DEMO)
    schema = JSONSchema(schema='{"enum": [' + ",".join(map(str, range(3_000))) + "]}")
    found: list[Compiled] = []
    threads = [
        threading.Thread(target=lambda: found.append(compiler.compile(schema))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_failure_is_not_remembered_and_reaches_all() -> None:
    compiler = Compiler(DEMO)
    errors: list[InvalidRequest] = []

    def ask() -> None:
        try:
            compiler.compile(Regex(pattern="(a"))
        except InvalidRequest as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    assert all("without its )" in error.message for error in errors)
