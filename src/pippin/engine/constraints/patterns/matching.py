"""What two patterns have in common, and which names they match. Linear in time, unlike ``re``."""

from functools import cached_property

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

MAX_QUESTIONS = 100
"""Of one compilation, whether patterns are disjoint: each may take 10 ms."""
_FUEL = 20_000


class PatternMatcher:
    """Owned by one compilation. Patterns are in Rust's syntax and match a text as a whole."""

    def __init__(self) -> None:
        self._limits = LLParserLimits(
            initial_lexer_fuel=_FUEL, step_lexer_fuel=_FUEL, verbose_errors=False
        )
        self._compiled: dict[str, LLMatcher] = {}
        self._empty: dict[frozenset[str], bool] = {}

    def matches(self, pattern: str, text: str) -> bool:
        matcher = self._compiled.get(pattern)
        if matcher is None:
            matcher = self._matcher(f"/{pattern or '()'}/")
            self._compiled[pattern] = matcher
        lane = matcher.deep_copy()
        raw = list(text.encode())
        return lane.try_consume_tokens(raw) == len(raw) and lane.is_accepting()

    def disjoint(self, patterns: frozenset[str]) -> bool:
        """Whether surely no text matches all of them."""
        if patterns not in self._empty:
            if len(self._empty) >= MAX_QUESTIONS:
                return False
            matcher = self._matcher(" & ".join(f"/{p or '()'}/" for p in sorted(patterns)))
            matcher.compute_bitmask()
            self._empty[patterns] = matcher.get_error().startswith("NoExtension")
        return self._empty[patterns]

    @cached_property
    def _bytes(self) -> LLTokenizer:
        """Made when it is first needed: most schemas ask nothing, and it takes milliseconds."""
        return LLTokenizer("byte")

    def _matcher(self, terminal: str) -> LLMatcher:
        grammar = f"start: TEXT\nTEXT: {terminal}\n"
        return LLMatcher(self._bytes, grammar, log_level=0, limits=self._limits)
