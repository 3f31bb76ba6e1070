"""Grammars of things in a fixed order, of which some may be left out."""

from collections.abc import Sequence


def in_order(rule: str, things: Sequence[tuple[str, bool]], separator: str) -> list[str]:
    """The lines of a rule for these expressions, with ``separator`` between those that are there.
    Each comes with whether it must be."""
    lines = [f'{rule}_first_{len(things)}: ""', f'{rule}_next_{len(things)}: ""']
    for index, (thing, required) in enumerate(things):
        own, rest = f"{rule}_own_{index}", f"{rule}_next_{index + 1}"
        first, later = f"{own} {rest}", f"{separator} {own} {rest}"
        if not required:
            first += f" | {rule}_first_{index + 1}"
            later += f" | {rest}"
        lines += [f"{own}: {thing}"]
        lines += [f"{rule}_first_{index}: {first}", f"{rule}_next_{index}: {later}"]
    return [*lines, f"{rule}: {rule}_first_0"]
