"""How deep names can lead to names. The grammar engine follows them on its thread's stack."""

from collections.abc import Mapping, Sequence


def longest_chain(uses: Mapping[str, Sequence[str]], weights: Mapping[str, int]) -> int:
    """No way along the names, on which none comes twice, weighs more than this.

    Names that lead to one another in a circle count as if the way took in all of them. Components
    are found by Kosaraju's algorithm (Sharir, 1981), without recursion.
    """
    order = _finished(uses)
    users: dict[str, list[str]] = {name: [] for name in uses}
    for name, used in uses.items():
        for other in used:
            users[other].append(name)
    component: dict[str, int] = {}
    for name in reversed(order):
        todo = [name] if name not in component else []
        while todo:
            member = todo.pop()
            if member not in component:
                component[member] = len(component) if member == name else component[name]
                todo += [user for user in users[member] if user not in component]
    return _heaviest(order, uses, weights, component)


def _finished(uses: Mapping[str, Sequence[str]]) -> list[str]:
    """The names in the order in which a search in depth leaves them."""
    seen: set[str] = set()
    order: list[str] = []
    for start in uses:
        stack = [] if start in seen else [(start, iter(uses[start]))]
        seen.add(start)
        while stack:
            name, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(uses[following])))
    return order


def _heaviest(
    order: Sequence[str],
    uses: Mapping[str, Sequence[str]],
    weights: Mapping[str, int],
    component: Mapping[str, int],
) -> int:
    members: dict[int, list[str]] = {}
    for name in order:
        members.setdefault(component[name], []).append(name)
    heavy: dict[int, int] = {}
    last = {component[name]: i for i, name in enumerate(order)}
    for number in sorted(members, key=lambda n: last[n]):
        below = {component[other] for name in members[number] for other in uses[name]}
        own = sum(weights[name] for name in members[number])
        heavy[number] = own + max((heavy[n] for n in below if n != number), default=0)
    return max(heavy.values(), default=0)
