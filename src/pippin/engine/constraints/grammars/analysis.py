"""What can be told of a grammar without reading any text."""

from collections.abc import Callable

from pippin.engine.constraints.grammars.parts import (
    Choice,
    Name,
    Part,
    Parts,
    Pattern,
    Seq,
    Text,
    Times,
    names_in,
)


def size(part: Part) -> int:
    """How many parts it has."""
    match part:
        case Seq(parts) | Choice(parts):
            return 1 + sum(map(size, parts))
        case Times(below):
            return 1 + size(below)
        case _:
            return 1


def depth(part: Part) -> int:
    """How deep its groups stand in one another."""
    match part:
        case Seq(parts) | Choice(parts):
            return 1 + max(map(depth, parts), default=0)
        case Times(below):
            return 1 + depth(below)
        case _:
            return 1


def lives(part: Part, productive: set[str]) -> bool:
    """Whether there is a text for it, if there is one for these names."""
    match part:
        case Name(name):
            return name in productive
        case Seq(parts):
            return all(lives(below, productive) for below in parts)
        case Choice(options):
            return any(lives(option, productive) for option in options)
        case Times(below, least):
            return least == 0 or lives(below, productive)
        case _:
            return True


def productive(parts: Parts) -> set[str]:
    """The names for which there is a text of finite length."""
    return _names_for_which(lives, parts)


def cyclic(definitions: dict[str, Part]) -> set[str]:
    """The names that refer to themselves, or to one that does."""
    return definitions.keys() - regular(definitions)


def regular(definitions: dict[str, Part]) -> set[str]:
    """The names whose definitions come, name by name, to an end."""
    uses = {name: {n.name for n in names_in(part)} for name, part in definitions.items()}
    users: dict[str, list[str]] = {}
    for name, used in uses.items():
        for other in used & definitions.keys():
            users.setdefault(other, []).append(name)
    open_uses = {name: len(used & definitions.keys()) for name, used in uses.items()}
    ready = [name for name, count in open_uses.items() if count == 0]
    found: set[str] = set()
    while ready:
        name = ready.pop()
        found.add(name)
        for user in users.get(name, ()):
            open_uses[user] -= 1
            if open_uses[user] == 0:
                ready.append(user)
    return found


def nullable(parts: Parts) -> set[str]:
    """The names that may be nothing."""
    return _names_for_which(may_be_empty, parts)


def _names_for_which(holds: Callable[[Part, set[str]], bool], parts: Parts) -> set[str]:
    """The least set of names whose definitions hold, given the set itself."""
    known: set[str] = set()
    definitions = parts.rules | parts.terminals
    changed = True
    while changed:
        found = {name for name, part in definitions.items() if holds(part, known)}
        changed = found != known
        known = found
    return known


def may_be_empty(part: Part, nullable: set[str]) -> bool:
    """Whether a part may be nothing, if these names may."""
    match part:
        case Text(value, _):
            return not value
        case Pattern(_, empty):
            return empty
        case Name(name):
            return name in nullable
        case Seq(below):
            return all(may_be_empty(p, nullable) for p in below)
        case Choice(options):
            return any(may_be_empty(option, nullable) for option in options)
        case Times(below, least):
            return least == 0 or may_be_empty(below, nullable)


def places(definitions: dict[str, Part]) -> dict[str, int]:
    """How many characters' places each name stands for, all repetitions written out. None of the
    names may refer to itself."""
    known: dict[str, int] = {}

    def of(part: Part) -> int:
        match part:
            case Text(value, _):
                return len(value)
            case Pattern(_, _, count):
                return count
            case Name(name):
                if name not in known:
                    known[name] = of(definitions[name])
                return known[name]
            case Seq(below) | Choice(below):
                return sum(map(of, below))
            case Times(below, least, most):
                return of(below) * max(least, most, 1)

    return {name: of(part) for name, part in definitions.items()}


def frayed(definitions: dict[str, Part], nullable: set[str]) -> set[str]:
    """The names whose texts may or may not begin or end with something, like whitespace."""
    known: set[str] = set()
    changed = True
    while changed:
        found = {name for name, part in definitions.items() if is_frayed(part, known, nullable)}
        changed = found != known
        known = found
    return known


def is_frayed(part: Part, frayed: set[str], nullable: set[str]) -> bool:
    """Whether a part is, if these names are."""
    match part:
        case Name(name):
            return name in frayed
        case Seq(()):
            return False
        case Seq(parts):
            edges = (parts[0], parts[-1])
            return not may_be_empty(part, nullable) and any(
                may_be_empty(edge, nullable) or is_frayed(edge, frayed, nullable) for edge in edges
            )
        case Choice(options):
            return any(is_frayed(option, frayed, nullable) for option in options)
        case Times(below):
            return is_frayed(below, frayed, nullable)
        case _:
            return False
