"""What is wrong with settings, for the operator."""

from collections.abc import Sequence


class BadSettings(ValueError):
    """``problems``: a line each, that names the place and the mend. Never shows a value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
