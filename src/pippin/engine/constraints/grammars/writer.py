"""Grammars → the grammar engine's dialect of Lark.

The engine has a lexer that takes the longest match of each terminal. So that this takes nothing
away from a grammar without terminals of its own, all that is regular and stands together becomes
one terminal.
"""

from collections.abc import Iterable

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
from pippin.engine.constraints.source import Source, quoted

MOST_IGNORED = 200
"""Characters of what is ignored, at one place: nobody can pad an answer for ever."""


def written(parts: Parts) -> Source:
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
    if sum(map(_size, everything)) > MAX_PARTS:
        raise GrammarRefused(f"it has more than {MAX_PARTS} parts")


class _Writer:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rule_names = {name: f"r{i}" for i, name in enumerate(parts.rules)}
        self._rule_names[parts.start] = "start"
        self._terminal_names = {name: f"T{i}" for i, name in enumerate(parts.terminals)}
        cyclic = _cyclic(parts.terminals)
        if cyclic:
            raise GrammarRefused(f"the terminal {min(cyclic)} refers to itself")
        self._productive = _productive(parts)
        if parts.start not in self._productive:
            raise GrammarRefused("no text fits it, as its rules never come to an end")
        self._regular = set() if parts.ignored else _regular(parts.rules)
        self._lines: list[str] = []
        self._pieces: dict[str, str] = {}

    def write(self) -> Source:
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
        return Source("\n".join(self._lines) + "\n")

    def _ignore(self) -> None:
        options = " | ".join(f"({self._terminal(part)})" for part in self._parts.ignored)
        self._lines.append('%llguidance {"ignore_once": true}')
        self._lines.append(f"IGNORED: ({options})+ & /(?s:.{{1,{MOST_IGNORED}}})/")
        self._lines.append("%ignore IGNORED")

    def _alive(self, options: Iterable[Part]) -> list[Part]:
        return [option for option in options if _lives(option, self._productive)]

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
                lives = _lives(below, self._productive)
                return self._grouped(below) + _counted(least, most) if lives else '""'

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
                lives = _lives(below, self._productive)
                return f"({self._rule(below)}){_counted(least, most)}" if lives else '""'
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
            if run:
                written.append(self._piece(run))
                run = []
            if part is not None:
                text = self._rule(part)
                written.append(f"({text})" if isinstance(part, Choice) else text)
        return " ".join(written) or '""'

    def _piece(self, run: list[Part]) -> str:
        """A terminal of what stands together. One that may be nothing becomes optional."""
        whole = Seq(tuple(run))
        text = self._terminal(run[0] if len(run) == 1 else whole)
        empty = _nullable(whole, self._parts)
        if empty:
            text = f"({text}) & /(?s:.+)/"
        name = self._pieces.setdefault(text, f"P{len(self._pieces)}")
        return f"{name}?" if empty else name

    def _is_regular(self, part: Part) -> bool:
        """Whether it may become part of a terminal. Where something is ignored between terminals,
        only what the grammar wrote as a terminal is one."""
        if self._parts.ignored or self._parts.terminals:
            return False
        return all(n.name in self._regular for n in names_in(part)) and _lives(
            part, self._productive
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


def _size(part: Part) -> int:
    match part:
        case Seq(parts) | Choice(parts):
            return 1 + sum(map(_size, parts))
        case Times(below):
            return 1 + _size(below)
        case _:
            return 1


def _lives(part: Part, productive: set[str]) -> bool:
    match part:
        case Name(name):
            return name in productive
        case Seq(parts):
            return all(_lives(below, productive) for below in parts)
        case Choice(options):
            return any(_lives(option, productive) for option in options)
        case Times(below, least):
            return least == 0 or _lives(below, productive)
        case _:
            return True


def _productive(parts: Parts) -> set[str]:
    """The names for which there is a text of finite length."""
    known: set[str] = set()
    definitions = parts.rules | parts.terminals
    changed = True
    while changed:
        found = {name for name, part in definitions.items() if _lives(part, known)}
        changed = found != known
        known = found
    return known


def _cyclic(definitions: dict[str, Part]) -> set[str]:
    return definitions.keys() - _regular(definitions)


def _regular(definitions: dict[str, Part]) -> set[str]:
    """The names whose definitions come, name by name, to an end."""
    uses = {name: {n.name for n in names_in(part)} for name, part in definitions.items()}
    users: dict[str, list[str]] = {}
    for name, used in uses.items():
        for other in used & definitions.keys():
            users.setdefault(other, []).append(name)
    open_uses = {name: len(used & definitions.keys()) for name, used in uses.items()}
    ready = [name for name, count in open_uses.items() if count == 0]
    regular: set[str] = set()
    while ready:
        name = ready.pop()
        regular.add(name)
        for user in users.get(name, ()):
            open_uses[user] -= 1
            if open_uses[user] == 0:
                ready.append(user)
    return regular


def _nullable(part: Part, parts: Parts) -> bool:
    match part:
        case Text(value, _):
            return not value
        case Pattern(_, empty):
            return empty
        case Name(name):
            return _nullable(parts.rules[name], parts)
        case Seq(below):
            return all(_nullable(p, parts) for p in below)
        case Choice(options):
            return any(_nullable(option, parts) for option in options)
        case Times(below, least):
            return least == 0 or _nullable(below, parts)
