"""A tokenizer's control tokens, and how a client's text is kept from becoming one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence


class ControlTokens:
    """Immutable. Tokenizers may have thousands, and prompts thousands of texts."""

    def __init__(self, contents: Iterable[str]) -> None:
        known = [content for content in contents if len(content) > 1]
        self._by_start: dict[str, list[str]] = defaultdict(list)
        for content in known:
            self._by_start[content[:2]].append(content)
        self._beginnings = {c[:length] for c in known for length in range(1, len(c))}
        self._last_chars = {beginning[-1] for beginning in self._beginnings}
        self._longest = max(map(len, self._beginnings), default=0)

    def found_in(self, texts: Sequence[str]) -> list[str]:
        """Those that some of the texts may contain."""
        joined = "\n".join(texts)
        return [
            content
            for start, contents in self._by_start.items()
            if start in joined
            for content in contents
            if content in joined
        ]

    def open_at_end(self, text: str) -> bool:
        """Whether the text ends with the beginning of one, which a template might complete with
        what follows."""
        if not text or text[-1] not in self._last_chars:
            return False
        lengths = range(1, min(self._longest, len(text)) + 1)
        return any(text[-length:] in self._beginnings for length in lengths)

    def defused(self, text: str, found: Sequence[str], mark: str) -> str:
        """A mark inside each that was found, and behind the beginning of one. Where the rendered
        text is cut at the marks no piece has a whole one of the client's, so each is plain text."""
        end = mark if self.open_at_end(text) else ""
        for content in found:
            text = text.replace(content, content[:1] + mark + content[1:])
        return text + end
