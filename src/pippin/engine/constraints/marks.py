"""How a model's grammar is written down in llguidance's dialect of Lark."""

import json
from collections.abc import Callable
from typing import Any

from pippin.engine.constraints.schemas.source import json_expression
from pippin.engine.constraints.source import quoted


class Marks:
    """For families of models, whose ``Mark`` it is. Special tokens are meant as such, never as
    their letters."""

    def __init__(self, split: Callable[[str], list[str | int]]) -> None:
        """``split``: a text's special tokens, and what lies between them."""
        self._split = split

    def __call__(self, text: str) -> str:
        """The expression that matches this text."""
        return " ".join(
            f"<[{piece}]>" if isinstance(piece, int) else quoted(piece)
            for piece in self._split(text)
        )

    def json(self, schema: dict[str, Any]) -> str:
        """The expression of the values that are valid under a schema, without members that nobody
        listed. Raises ``InvalidRequest``:
        it cannot be enforced exactly."""
        return json_expression(json.dumps(schema), "tools", closed=True)
