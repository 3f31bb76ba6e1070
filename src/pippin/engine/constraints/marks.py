"""How a model's grammar is written down in llguidance's dialect of Lark."""

import json
from collections.abc import Callable
from typing import Any

from pippin.engine.constraints.schemas.source import json_expression
from pippin.engine.constraints.source import quoted


class Marks:
    """For families of models, whose ``Mark`` it is; owned by one compilation. Special tokens are
    meant as such, never as their letters."""

    def __init__(self, split: Callable[[str], list[str | int]]) -> None:
        """``split``: a text's special tokens, and what lies between them."""
        self._split = split
        self._written: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The expression that matches this text."""
        return " ".join(
            f"<[{piece}]>" if isinstance(piece, int) else quoted(piece)
            for piece in self._split(text)
        )

    def json(self, schema: dict[str, Any], param: str = "tools") -> str:
        """The expression of the values that are valid under a schema, without members that nobody
        listed. Raises ``InvalidRequest``, with ``param``: it cannot be enforced exactly."""
        text = json.dumps(schema)
        if text not in self._written:
            self._written[text] = json_expression(text, param, closed=True)
        return self._written[text]
