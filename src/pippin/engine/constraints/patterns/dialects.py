r"""Where the dialects of regular expressions differ.

``ECMA`` is what JSON Schema asks for: ``\d`` and ``\w`` are ASCII, ``\s`` is ECMAScript's list, and
each is exact.

``PYTHON`` is for patterns on their own. There a class, and what is left when it is taken away, are
as narrow as any common engine takes them, so that whatever is written also matches in Python's
``re`` and in Rust: ``\d`` is ``[0-9]`` and ``\D`` no digit of any script; ``\s`` is ASCII's
whitespace and ``\S`` no whitespace at all; ``\w`` is a letter or digit of any script or ``_``.

``JSON_SPACE`` is for what stands between JSON's tokens: ``\s`` is what JSON takes for whitespace.
"""

from dataclasses import dataclass, replace

_ECMA_SPACE = (
    r"\t\n\v\f\r \x{a0}\x{feff}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
_ANY_SPACE = _ECMA_SPACE + r"\x{1c}-\x{1f}\x{85}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Classes of characters, written for the inside of ``[...]``."""

    narrow: dict[str, str]
    """By letter: the characters that are surely of the class."""
    wide: dict[str, str]
    """Those that may be."""
    dot: str
    """The characters that ``.`` does not match."""
    python: bool

    def shorthand(self, letter: str, *, taken_away: bool) -> str:
        r"""What ``\d`` and its like stand for, in ``[...]`` or ``[^...]``."""
        negated = letter.isupper()
        chars = (self.narrow if negated == taken_away else self.wide)[letter.lower()]
        return f"[^{chars}]" if negated else chars


_ECMA = {"d": "0-9", "s": _ECMA_SPACE, "w": "a-zA-Z0-9_"}
ECMA = Dialect(narrow=_ECMA, wide=_ECMA, dot=r"\n\r\x{2028}\x{2029}", python=False)
PYTHON = Dialect(
    narrow={"d": "0-9", "s": r"\t\n\v\f\r ", "w": r"\p{L}\p{N}_"},
    wide={
        "d": r"\p{Nd}",
        "s": _ANY_SPACE,
        "w": r"\p{L}\p{N}\p{M}\p{Pc}\x{200c}\x{200d}_",
    },
    dot=r"\n",
    python=True,
)
JSON_SPACE = replace(PYTHON, narrow=PYTHON.narrow | {"s": r"\t\n\r "})
