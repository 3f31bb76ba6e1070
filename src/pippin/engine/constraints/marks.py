"""Literal texts of a model's markup, in llguidance's dialect of Lark."""

from pippin.engine.constraints.source import quoted
from pippin.output.families.family import Mark
from pippin.output.vocabulary import Vocabulary


def marks_of(vocabulary: Vocabulary) -> Mark:
    """Special tokens of this model are meant as such, never as their letters."""

    def mark(text: str) -> str:
        return " ".join(
            f"<[{piece}]>" if isinstance(piece, int) else quoted(piece)
            for piece in vocabulary.split(text)
        )

    return mark
