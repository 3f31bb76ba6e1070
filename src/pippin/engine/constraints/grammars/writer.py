"""Grammars → the grammar engine's dialect of Lark.

The engine has a lexer that takes the longest match of each terminal. So that this takes little
away from a grammar without terminals of its own, all that is regular and stands together becomes
one terminal, except what may or may not be at its edges, as whitespace mostly: the lexer tries
terminals that may follow side by side.
"""

from collections.abc import Iterable

from pippin.engine.constraints.chains import longest_chain
from pippin.engine.constraints.grammars.analysis import (
    cyclic,
    depth,
    frayed,
    is_frayed,
    lives,
    may_be_empty,
    nullable,
    places,
    productive,
    regular,
    size,
)
from pippin.engine.constraints.grammars.parts import (
    MAX_PARTS,
    UNBOUNDED,
    Choice,
    GrammarRefused,
    Name,
    Part,
    Parts,
    Pattern,
    Seq,
    Text,
    Times,
    names_in,
)
from pippin.engine.constraints.source import quoted

MAX_CHAIN = 200
"""Names and groups along one way."""
MAX_PLACES = 50_000
"""Characters of one terminal, all repetitions written out."""
MOST_IGNORED = 200
"""Characters of what is ignored, at one place: nobody can pad an answer for ever."""


def written(parts: Parts) -> str:
    """Raises ``GrammarRefused``: a name is missing, or no text fits."""
    _check(parts)
    return _Writer(parts).write()


def _check(parts: Parts) -> None:
    if parts.start not in parts.rules:
        raise GrammarRefused(f"it has no rule {parts.start}")
    everything = [*parts.rules.values(), *parts.terminals.values(), *parts.ignored]
    for name in (name for part in everything for name in names_in(part)):
        if name.name not in parts.rules and name.name not in parts.terminals:
            raise GrammarRefused(f"{name.name} is not defined", name.line)
    for part in (*parts.terminals.values(), *parts.ignored):
        for name in names_in(part):
            if name.name in parts.rules:
                raise GrammarRefused(f"a terminal cannot use the rule {name.name}", name.line)
    if sum(map(size, everything)) > MAX_PARTS:
        raise GrammarRefused(f"it has more than {MAX_PARTS} parts")
    definitions = parts.rules | parts.terminals
    uses = {name: [n.name for n in names_in(part)] for name, part in definitions.items()}
    weights = {name: depth(part) for name, part in definitions.items()}
    if longest_chain(uses, weights) > MAX_CHAIN:
        raise GrammarRefused(f"rules and groups lead to one another, more than {MAX_CHAIN} deep")


class _Writer:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rule_names = {name: f"r{i}" for i, name in enumerate(parts.rules)}
        self._rule_names[parts.start] = "start"
        self._terminal_names = {name: f"T{i}" for i, name in enumerate(parts.terminals)}
        circles = cyclic(parts.terminals)
        if circles:
            raise GrammarRefused(f"the terminal {min(circles)} refers to itself")
        self._productive = productive(parts)
        if parts.start not in self._productive:
            raise GrammarRefused("no text fits it, as its rules never come to an end")
        self._regular = set() if parts.ignored else regular(parts.rules)
        self._nullable = nullable(parts)
        texts = {name: parts.rules[name] for name in self._regular} | parts.terminals
        self._is_split = parts.start not in self._regular
        self._frayed: set[str] = set()
        if self._is_split:
            self._frayed = frayed(parts.rules, self._nullable)
            self._regular -= self._frayed
        if max(places(texts).values(), default=0) > MAX_PLACES:
            raise GrammarRefused(f"a part of it comes to more than {MAX_PLACES} characters")
        self._lines: list[str] = []
        self._pieces: dict[str, str] = {}

    def write(self) -> str:
        for name, part in self._parts.terminals.items():
            if name in self._productive:
                self._lines.append(f"{self._terminal_names[name]}: {self._terminal(part)}")
        if self._parts.ignored:
            self._ignore()
        for name in self._regular & self._productive - {self._parts.start}:
            self._terminal_names[name] = f"R{self._rule_names[name].upper()}"
        for name, part in self._parts.rules.items():
            if name not in self._productive:
                continue
            if name in self._regular and name != self._parts.start:
                self._lines.append(f"{self._terminal_names[name]}: {self._terminal(part)}")
            else:
                self._lines.append(f"{self._rule_names[name]}: {self._rule(part)}")
        self._lines += [f"{name}: {text}" for text, name in self._pieces.items()]
        return "\n".join(self._lines) + "\n"

    def _ignore(self) -> None:
        options = " | ".join(f"({self._terminal(part)})" for part in self._parts.ignored)
        self._lines.append('%llguidance {"ignore_once": true}')
        self._lines.append(f"IGNORED: ({options})+ & /(?s:.{{1,{MOST_IGNORED}}})/")
        self._lines.append("%ignore IGNORED")

    def _alive(self, options: Iterable[Part]) -> list[Part]:
        return [option for option in options if lives(option, self._productive)]

    def _terminal(self, part: Part) -> str:
        match part:
            case Text(value, ignore_case):
                return quoted(value) + ("i" if ignore_case and value else "")
            case Pattern(regex):
                return f"/{regex or '()'}/"
            case Name(name):
                return self._terminal_names[name]
            case Seq(parts):
                return " ".join(map(self._grouped, parts)) or '""'
            case Choice(options):
                return " | ".join(map(self._terminal, self._alive(options)))
            case Times(below, least, most):
                alive = lives(below, self._productive)
                return self._grouped(below) + _counted(least, most) if alive else '""'

    def _grouped(self, part: Part) -> str:
        text = self._terminal(part)
        return f"({text})" if isinstance(part, Seq | Choice | Times) else text

    def _rule(self, part: Part) -> str:
        match part:
            case _ if self._is_regular(part):
                return self._piece([part])
            case Name(name):
                return self._terminal_names.get(name) or self._rule_names[name]
            case Seq(parts):
                return self._sequence(parts)
            case Choice(options):
                return self._choice(options)
            case Times(below, least, most):
                alive = lives(below, self._productive)
                return f"({self._rule(below)}){_counted(least, most)}" if alive else '""'
            case _:
                return self._terminal(part)

    def _choice(self, options: tuple[Part, ...]) -> str:
        alive = self._alive(options)
        regular = [option for option in alive if self._is_regular(option)]
        written = [self._rule(option) for option in alive if not self._is_regular(option)]
        if regular:
            written.append(self._piece([Choice(tuple(regular))]))
        return " | ".join(written)

    def _sequence(self, parts: tuple[Part, ...]) -> str:
        written: list[str] = []
        run: list[Part] = []
        for part in (*parts, None):
            if part is not None and self._is_regular(part):
                run.append(part)
                continue
            written += map(self._piece, self._trimmed(run))
            run = []
            if part is not None:
                text = self._rule(part)
                written.append(f"({text})" if isinstance(part, Choice) else text)
        return " ".join(written) or '""'

    def _trimmed(self, run: list[Part]) -> list[list[Part]]:
        """What may be missing at the edges stands for itself."""
        first, last = 0, len(run)
        if self._is_split:
            while first < last and may_be_empty(run[first], self._nullable):
                first += 1
            while last > first and may_be_empty(run[last - 1], self._nullable):
                last -= 1
        pieces = [[part] for part in run[:first]]
        pieces += [run[first:last]] if first < last else []
        return pieces + [[part] for part in run[last:]]

    def _piece(self, run: list[Part]) -> str:
        """A terminal of what stands together. One that may be nothing becomes optional."""
        whole = Seq(tuple(run))
        text = self._terminal(run[0] if len(run) == 1 else whole)
        empty = may_be_empty(whole, self._nullable)
        if empty:
            text = f"({text}) & /(?s:.+)/"
        name = self._pieces.setdefault(text, f"P{len(self._pieces)}")
        return f"{name}?" if empty else name

    def _is_regular(self, part: Part) -> bool:
        """Whether it may become part of a terminal. Where something is ignored between terminals,
        only what the grammar wrote as a terminal is one."""
        if self._parts.ignored or self._parts.terminals:
            return False
        return (
            all(name.name in self._regular for name in names_in(part))
            and lives(part, self._productive)
            and not (self._is_split and is_frayed(part, self._frayed, self._nullable))
        )


def _counted(least: int, most: int) -> str:
    match least, most:
        case 0, -1:
            return "*"
        case 1, -1:
            return "+"
        case 0, 1:
            return "?"
        case _:
            return f"{{{least},{'' if most == UNBOUNDED else most}}}"
