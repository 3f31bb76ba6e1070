"""The grammar of a whole answer that may call tools, or must."""

import json
import re
from collections.abc import Sequence

from pippin.core.tools import ToolUse
from pippin.output.families.family import CallRules, CommonOpening, Mark, Opening

_LETTERS_AND_TOKEN = re.compile(r'("(?:\\.|[^"\\])*") (<\[.*)', re.DOTALL)
_TOKEN = re.compile(r"<\[\d+\]>")
_LEAD = r"lead: /[ \t\n\r]{0,4}/"


def answer_grammar(
    rules: CallRules,
    use: ToolUse | None,
    mark: Mark,
    form: str = "",
    marks: Sequence[str] = (),
) -> str:
    """In llguidance's Lark dialect, with ``start``.

    ``auto``: free text in which no call begins, or free text and calls, and nothing behind them.
    ``required``: calls, with at most a little white space before them. ``None``: no calls.
    ``form``: a Lark expression instead of free text; then an answer is either that or calls.
    ``marks``: the family's; free text has no letters of those that are special tokens, for its
    scanner would take them for the tokens. That ``use.only`` is the only tool in ``rules`` is its
    caller's care.
    """
    text_rule = _text_rule([text for text in marks if _TOKEN.fullmatch(mark(text))])
    if use is None:
        start = f"start: {rules.lead} {rules.text_mark} {form or 'TEXT'}"
        return "\n".join(["%llguidance {}", start, text_rule, rules.rules, ""])
    more = f"({rules.more})*" if use.parallel and rules.more else ""
    behind = f"{more} {rules.end}".strip()
    openings = rules.openings or (Opening(mark(rules.trigger), rules.first),)
    lines = ["%llguidance {}"]
    ways = " | ".join(map(_way, openings))
    text = f"{rules.text_mark} {form or 'TEXT'}" if use.mode == "auto" else ""
    either = f" | {text}" if text else ""
    if rules.text_mark:
        lines += [f"start: {rules.lead} (({ways}) {behind}{either})", text_rule]
    elif use.mode == "required" or form:
        lines += [f"start: lead ({ways}) {behind}{either}", _LEAD]
    else:
        lines += [*_free_or_calls(openings, behind), text_rule]
    return "\n".join([*lines, rules.rules, ""])


def _text_rule(without: Sequence[str]) -> str:
    anything = "TEXT: /(?s:.*)/"
    if not without:
        return anything
    texts = " | ".join(json.dumps(text, ensure_ascii=False) for text in without)
    return f"{anything} & ~(/(?s:.*)/ ({texts}) /(?s:.*)/)"


def _way(opening: Opening | CommonOpening) -> str:
    if isinstance(opening, Opening):
        return f"{opening.begin} {opening.rest}"
    return f"{opening.begin} ({' | '.join(map(_way, opening.ways))})"


def _free_or_calls(openings: Sequence[Opening | CommonOpening], behind: str) -> list[str]:
    """A lazy lexeme ends where the opening is first complete: free text never contains one. A
    special token is in no text anyway; letters before it are in the lexeme that it ends.

    What is common to openings ends a lexeme, too, behind which the text goes on, but for the first
    of the openings that becomes complete right there.
    """
    ways: list[str] = []
    lines: list[str] = []
    free: list[str] = []
    for number, opening in enumerate(openings):
        if isinstance(opening, CommonOpening):
            name = f"common_{number}"
            free.append(name)
            lines.append(f"{name}[lazy]: TEXT {opening.begin}")
            heads = [f"{name}_{index}" for index in range(len(opening.ways))]
            calls = zip(heads, opening.ways, strict=True)
            lines += [
                f"{head}[lazy]: {way.begin}" for head, way in zip(heads, opening.ways, strict=True)
            ]
            ways += [f"{name} ({' | '.join(f'{head} {way.rest}' for head, way in calls)})"]
        elif mixed := _LETTERS_AND_TOKEN.fullmatch(opening.begin):
            ways.append(f"HEAD_{number} {mixed[2]} {opening.rest}")
            lines.append(f"HEAD_{number}: TEXT {mixed[1]}")
        elif opening.begin.startswith("<"):
            ways.append(f"TEXT {opening.begin} {opening.rest}")
        else:
            ways.append(f"head_{number} {opening.rest}")
            lines.append(f"head_{number}[lazy]: TEXT {opening.begin}")
    before = f"({' | '.join(free)})*" if free else ""
    return [f"start: {before} (TEXT | ({' | '.join(ways)}) {behind})", *lines]
