"""Long answers: what the grammar engine may remember of one never ends it, or one beside it."""

import json
import random
from typing import Any

from llguidance import LLMatcher, LLParserLimits
from llguidance.numpy import allocate_token_bitmask

from pippin.core.constraint import JSONSchema
from pippin.engine.constraints.compiler import Compiled, Compiler
from pippin.engine.constraints.guide import MAX_RENEWALS, Form, Guide
from pippin.engine.constraints.masks import MaskFiller
from tests.engine.constraints.forms import END, TOKENIZER, VOCAB, Regex, tokens_of
from tests.engine.constraints.vocabularies import accepts, allowed, demo

DEMO = demo()
WORDS = ["the ", "quick\n", "fox, ", "def f(x): ", "<b>", '"so" ', "\\ ", "日本", "é", "😀"]


def compiled(schema: Any) -> Compiled:
    return Compiler(DEMO).compile(JSONSchema(schema=json.dumps(schema)))


def text_of(length: int) -> str:
    dice = random.Random(length)
    return "".join(dice.choice(WORDS) for _ in range(length))[:length]


def follow(form: Form, tokens: list[int], *, vocab: int, end: int) -> tuple[int, Guide]:
    """How many of the tokens a lane may say, each allowed by its mask."""
    guide, filler = Guide(form, None, eos=(end,), min_tokens=0), MaskFiller()
    bits = allocate_token_bitmask(1, vocab)
    for position, token in enumerate(tokens):
        filler.fill([(0, guide)], bits).result()
        if guide.broken or not allowed(bits[0].tobytes(), token):
            return position, guide
        guide.accept(position, token)
    return len(tokens), guide


def test_a_text_of_bounded_length_is_written_to_its_end() -> None:
    form = compiled({"type": "string", "maxLength": 100_000})
    tokens = DEMO.tokenize_str(json.dumps(text_of(30_000), ensure_ascii=False))
    said, guide = follow(form, tokens, vocab=DEMO.vocab_size, end=min(DEMO.eos_tokens))
    assert said == len(tokens)
    assert guide.matcher is not None
    assert guide.matcher.is_accepting()


def test_the_bound_holds_behind_renewals() -> None:
    few = LLParserLimits(max_lexer_states=700, step_lexer_fuel=100_000)
    form = Regex("([a-z]{20}[A-Z0-9]){0,30}!", few)
    whole = list(tokens_of(("abcdefghijklmnopqrst" + "Z") * 30))
    assert follow(form, whole, vocab=VOCAB, end=END)[0] == len(whole)
    more = [*whole, *tokens_of("a")]
    assert follow(form, more, vocab=VOCAB, end=END)[0] == len(whole)


def test_a_long_answer_leaves_its_form_usable_for_others() -> None:
    form = compiled({"type": "string", "maxLength": 50_000})
    beside, long = form.matcher(), form.matcher()
    text = DEMO.tokenize_str(json.dumps(text_of(30_000), ensure_ascii=False))
    for token in text:
        long.compute_bitmask()
        if not long.consume_token(token):
            break
    assert long.is_error()
    assert accepts(form.matcher(), DEMO, '"hello"')
    assert accepts(form.matcher(alone=True), DEMO, '"hello"')
    del beside


def test_answers_beside_a_long_one_go_on() -> None:
    form = compiled({"type": "string", "maxLength": 50_000})
    filler, bits = MaskFiller(), allocate_token_bitmask(2, DEMO.vocab_size)
    guides = [Guide(form, None, eos=tuple(DEMO.eos_tokens), min_tokens=0) for _ in range(2)]
    text = DEMO.tokenize_str(json.dumps(text_of(20_000), ensure_ascii=False))
    for position, token in enumerate(text):
        rows = [(0, guides[0])] + ([(1, guides[1])] if position % 100 == 0 else [])
        filler.fill(rows, bits).result()
        assert not any(guide.broken for guide in guides)
        guides[0].accept(position, token)
        if position % 100 == 0:
            guides[1].accept(position // 100, text[position // 100])


class Bottomless:
    """A form that no memory is enough for."""

    def __init__(self) -> None:
        self.made = 0

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        self.made += 1
        limits = LLParserLimits(step_lexer_fuel=300, max_lexer_states=40)
        grammar = LLMatcher.grammar_from_regex("(a|b|c)*a(a|b|c){12}[xy]*")
        return LLMatcher(TOKENIZER, grammar, log_level=0, limits=limits)


def test_a_form_that_cannot_be_followed_is_given_up() -> None:
    form = Bottomless()
    tokens = list(tokens_of("abcabcaabbccabcbacbabcabcbcbabcabc" * 20))
    said, guide = follow(form, tokens, vocab=VOCAB, end=END)
    assert guide.broken
    assert said < len(tokens)
    assert form.made <= MAX_RENEWALS + 1


class Ambiguous:
    """A form in which every token makes the next one dearer."""

    def __init__(self) -> None:
        self.made = 0

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        self.made += 1
        limits = LLParserLimits(max_items_in_row=100)
        grammar = LLMatcher.grammar_from_lark('start: s\ns: s s | "a"\n')
        return LLMatcher(TOKENIZER, grammar, log_level=0, limits=limits)


def test_what_would_not_help_is_not_tried() -> None:
    form = Ambiguous()
    said, guide = follow(form, list(tokens_of("a" * 200)), vocab=VOCAB, end=END)
    assert guide.broken
    assert said < 200
    assert form.made == 1
