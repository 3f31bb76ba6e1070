"""One of a list of texts."""

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, Choice
from pippin.engine.constraints.limits import MAX_ITEMS
from pippin.engine.constraints.source import Source, quoted
from pippin.errors import InvalidRequest


def choice_source(choice: Choice) -> Source:
    """Raises ``InvalidRequest``: there is no choice, or there are too many."""
    options = list(dict.fromkeys(choice.options))
    param = choice.param
    if not options:
        raise InvalidRequest(f"{param} needs at least one choice.", param)
    if "" in options:
        raise InvalidRequest(f"{param}: an empty text cannot be a choice; remove it.", param)
    if len(options) > MAX_ITEMS:
        raise InvalidRequest(f"{param} may have at most {MAX_ITEMS} choices.", param)
    if sum(map(len, options)) > MAX_CONSTRAINT_CHARS:
        raise InvalidRequest(
            f"{param}: all choices together may have {MAX_CONSTRAINT_CHARS} characters.", param
        )
    lark = f"start: CHOICE\nCHOICE: {' | '.join(map(quoted, options))}\n"
    return Source(lark, written_from=sum(map(len, choice.options)))
