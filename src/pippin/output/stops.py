"""Stop texts, matched on characters, however the answer is tokenised.

Each stop text is a Knuth-Morris-Pratt automaton (Knuth, Morris, Pratt, 1977): time is linear in
the text, whatever the stop texts are.
"""

from collections.abc import Sequence


class StopText:
    """A stop text made ready to be looked for. Immutable, shared by a request's choices."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fallback = _failure_function(text)


class StopMatcher:
    """Watches the text of one choice and keeps back what may become a stop text."""

    def __init__(self, stops: Sequence[StopText]) -> None:
        self._automata = [_Automaton(stop) for stop in stops]
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """The characters that are free to go, and whether a stop text has now appeared.

        The first stop text to be complete wins; of several that end at one place, the longest.
        It and all after it is dropped, and the matcher must not be used any more.
        """
        if not self._automata:
            return text, False
        pending = self._held + text
        for position, char in enumerate(text, start=len(self._held) + 1):
            matched = max([a.length for a in self._automata if a.advance(char)], default=0)
            if matched:
                self._held = ""
                return pending[: position - matched], True
        keep = max(automaton.matched for automaton in self._automata)
        free = len(pending) - keep
        self._held = pending[free:]
        return pending[:free], False

    def finish(self) -> str:
        """The kept characters, when no more text comes: they were no stop text."""
        held, self._held = self._held, ""
        return held


class _Automaton:
    def __init__(self, stop: StopText) -> None:
        self._stop = stop.text
        self._fallback = stop.fallback
        self.length = len(stop.text)
        self.matched = 0
        """How many characters at the end of the text so far begin the stop text."""

    def advance(self, char: str) -> bool:
        """Take in a character; whether it completes the stop text."""
        while self.matched and self._stop[self.matched] != char:
            self.matched = self._fallback[self.matched - 1]
        if self._stop[self.matched] == char:
            self.matched += 1
        return self.matched == self.length


def _failure_function(stop: str) -> list[int]:
    """For each prefix, the length of its longest proper prefix that is also its suffix."""
    failure = [0] * len(stop)
    length = 0
    for i in range(1, len(stop)):
        while length and stop[i] != stop[length]:
            length = failure[length - 1]
        if stop[i] == stop[length]:
            length += 1
        failure[i] = length
    return failure
