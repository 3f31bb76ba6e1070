"""Constraints → matchers, bounded in time and memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from pippin.core.constraint import Choice, Constraint, Grammar, JSONSchema, Regex
from pippin.engine.constraints.choices import choice_source
from pippin.engine.constraints.faults import refusal
from pippin.engine.constraints.grammars.source import grammar_source
from pippin.engine.constraints.limits import (
    LANES_PER_LEXER,
    MAX_CACHED,
    MAX_CACHED_CHARS,
    parser_limits,
)
from pippin.engine.constraints.opening import special_tokens, with_thinking
from pippin.engine.constraints.patterns.source import regex_source
from pippin.engine.constraints.schemas.source import schema_source
from pippin.engine.constraints.source import Source
from pippin.output.thinking import Thinking

_Key = tuple[object, ...]


class Compiled:
    """A constraint that can be enforced. Immutable to its users, and shared by their threads."""

    def __init__(
        self,
        tokenizer: LLTokenizer,
        grammar: str,
        limits: LLParserLimits,
        param: str,
        written_from: int = 0,
    ) -> None:
        """``written_from``: the characters of the client's text that it was made of.
        Raises ``InvalidRequest``: the grammar is wrong, or too complex."""
        self.chars = len(grammar) + written_from
        self._tokenizer = tokenizer
        self._grammar = grammar
        self._limits = limits
        self._lock = threading.Lock()
        self._lanes = 0
        self._first = self._fresh()
        if self._first.is_error():
            raise refusal(self._first.get_error(), param)
        bits = self._first.compute_bitmask()
        if self._first.is_error():
            raise refusal(self._first.get_error(), param)
        if not any(bits):
            raise refusal("no match", param)
        self._some_token = _lowest(bits)

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        """A fresh one for one lane, within microseconds mostly; ``alone``: within the time that
        the grammar takes to be compiled.

        Lanes of one grammar share what its lexer learns, and so its limits: once it broke, the
        next one begins with a new lexer. A lane whose matcher meets its limits in the middle of a
        text has ``is_error()``, and from then on its mask allows the end of the text only; so the
        error must be asked for after each mask and each token.
        """
        if alone:
            return self._fresh()
        with self._lock:
            self._lanes += 1
            if self._is_broken():
                self._first, self._lanes = self._fresh(), 1
            return self._first.deep_copy()

    def freshen(self) -> None:
        """Let the next lanes begin with a new lexer, if this one is broken or had many. For threads
        that may take as long as a compilation does; where lanes begin, that would hold up all."""
        with self._lock:
            if self._lanes < LANES_PER_LEXER and not self._is_broken():
                return
        fresh = self._fresh()
        fresh.compute_bitmask()
        with self._lock:
            self._first, self._lanes = fresh, 0

    def _is_broken(self) -> bool:
        """Whether lanes have used up what their lexer may learn. A mask that it remembers does
        not tell, a step does."""
        lane = self._first.deep_copy()
        lane.consume_token(self._some_token)
        return lane.is_error()

    def _fresh(self) -> LLMatcher:
        return LLMatcher(self._tokenizer, self._grammar, log_level=0, limits=self._limits)


def _lowest(bits: bytes) -> int:
    """The first token that a mask allows."""
    return next(8 * i + (byte & -byte).bit_length() - 1 for i, byte in enumerate(bits) if byte)


class Compiler:
    """Owned by the worker; its text threads use it, several at once. Remembers what it compiled."""

    def __init__(
        self,
        tokenizer: LLTokenizer,
        *,
        max_cached: int = MAX_CACHED,
        max_cached_chars: int = MAX_CACHED_CHARS,
    ) -> None:
        """``max_cached_chars``: of all that is remembered, grammars and what they are made of."""
        self.tokenizer = tokenizer
        self._special = special_tokens(tokenizer)
        self._max_cached = max_cached
        self._max_chars = max_cached_chars
        self._lock = threading.Lock()
        self._cached: OrderedDict[_Key, Future[Compiled]] = OrderedDict()
        self._chars = 0

    def compile(self, constraint: Constraint, thinking: Thinking | None = None) -> Compiled:
        """Raises ``InvalidRequest``: it is wrong, too large, or cannot be enforced exactly."""
        return self._remembered(
            (constraint, thinking), constraint.param, lambda: _source(constraint), thinking
        )

    def compile_lark(
        self,
        key: str | bytes,
        lark: Callable[[], str],
        param: str,
        *,
        form: Constraint | None = None,
        thinking: Thinking | None = None,
    ) -> Compiled:
        """A grammar of our own, in llguidance's dialect of Lark, which is asked for only if none of
        this key is remembered. It may speak of the form as ``@form``. Raises ``InvalidRequest``: it
        or the form is too large, by what went into it."""

        def source() -> Source:
            inner = _source(form) if form else Source("")
            return Source(
                lark(),
                written_from=len(key) + inner.written_from,
                ambiguous=inner.ambiguous,
                form=inner.lark,
            )

        return self._remembered((key, form, thinking), param, source, thinking)

    def _remembered(
        self, key: _Key, param: str, source: Callable[[], Source], thinking: Thinking | None
    ) -> Compiled:
        with self._lock:
            waiting = self._cached.get(key)
            if waiting is None:
                ours: Future[Compiled] = Future()
                self._cached[key] = ours
            else:
                self._cached.move_to_end(key)
        if waiting is not None:
            compiled = waiting.result()
            compiled.freshen()
            return compiled
        try:
            compiled = self._compile(source(), param, thinking)
        except BaseException as error:
            with self._lock:
                del self._cached[key]
            ours.set_exception(error)
            raise
        ours.set_result(compiled)
        self._keep_bounded(compiled)
        return compiled

    def _compile(self, source: Source, param: str, thinking: Thinking | None) -> Compiled:
        grammar = with_thinking(source, thinking, self._special) if thinking else source.grammar
        limits = parser_limits(ambiguous=source.ambiguous)
        return Compiled(self.tokenizer, grammar, limits, param, source.written_from)

    def _keep_bounded(self, added: Compiled) -> None:
        with self._lock:
            self._chars += added.chars
            while len(self._cached) > self._max_cached or self._chars > self._max_chars:
                oldest = next((key for key, f in self._cached.items() if f.done()), None)
                if oldest is None:
                    return
                self._chars -= self._cached.pop(oldest).result().chars


def _source(constraint: Constraint) -> Source:
    match constraint:
        case JSONSchema():
            return schema_source(constraint)
        case Choice():
            return choice_source(constraint)
        case Regex():
            return regex_source(constraint)
        case Grammar():
            return grammar_source(constraint)
