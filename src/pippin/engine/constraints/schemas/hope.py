"""Whether there is any value at all."""

from collections.abc import Callable

from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import Arrays, Branch, Objects, State
from pippin.engine.constraints.schemas.forms import Forms
from pippin.engine.constraints.schemas.objects import judged_by

_MAX_DEPTH = 6


class Hope:
    """Says no only where it is sure; looks a few levels deep."""

    def __init__(self, forms: Callable[[State], Forms], matcher: PatternMatcher) -> None:
        self._forms = forms
        self._matcher = matcher

    def branch(self, branch: Branch, depth: int = 0) -> bool:
        """Whether there may be such a value."""
        match branch:
            case Arrays():
                needed = [branch.at(i) for i in range(min(branch.least, len(branch.prefix) + 1))]
            case Objects():
                needed = [judged_by(branch, name, self._matcher) for name in branch.required]
            case _:
                return True
        return depth >= _MAX_DEPTH or all(self.state(state, depth + 1) for state in needed)

    def state(self, state: State, depth: int = 0) -> bool:
        """Whether there may be a value in this state."""
        forms = self._forms(state)
        return any(self.branch(b, depth) for branches in forms.values() for b in branches)
