"""Objects that have to satisfy two descriptions at once."""

from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import ANY, Objects, State, least_of
from pippin.engine.constraints.schemas.refusal import SchemaRefused


def judged_by(one: Objects, name: str, matcher: PatternMatcher) -> State:
    """What the member called ``name`` has to satisfy."""
    for known, state in one.properties:
        if known == name:
            return state
    found = [state for pattern, state in one.patterns if matcher.matches(pattern, name)]
    if not found:
        return one.rest
    result = ANY
    for state in found:
        result = result & state
    return result


def objects(one: Objects, two: Objects, matcher: PatternMatcher) -> Objects | None:
    """Both at once; ``None``: there is no such object."""
    names = dict.fromkeys(name for objects in (one, two) for name, _ in objects.properties)
    required = one.required | two.required
    if one.patterns or two.patterns:
        names |= dict.fromkeys(sorted(required))
    properties = tuple(
        (name, judged_by(one, name, matcher) & judged_by(two, name, matcher)) for name in names
    )
    merged = Objects(
        properties,
        _patterns(one, two, matcher),
        one.rest & two.rest,
        required,
        max(one.least, two.least),
        least_of(one.most, two.most),
        one.names & two.names,
    )
    return None if hopeless(merged) else merged


def hopeless(merged: Objects) -> bool:
    """Whether it is plain to see that there is no such object."""
    if merged.most is not None and max(merged.least, len(merged.required)) > merged.most:
        return True
    named = dict(merged.properties)
    if any(state.impossible and name in merged.required for name, state in named.items()):
        return True
    return merged.rest.impossible and not merged.patterns and not merged.required <= named.keys()


def _patterns(one: Objects, two: Objects, matcher: PatternMatcher) -> tuple[tuple[str, State], ...]:
    firsts, seconds = dict(one.patterns), dict(two.patterns)
    for pattern in firsts:
        for other in seconds:
            if pattern != other and not matcher.disjoint(frozenset((pattern, other))):
                raise SchemaRefused(
                    "two patternProperties that match the same names cannot be enforced", "#"
                )
    return tuple(
        (pattern, firsts.get(pattern, one.rest) & seconds.get(pattern, two.rest))
        for pattern in dict.fromkeys((*firsts, *seconds))
    )
