"""The header ``X-Model-Id`` of mlx_gguf_server: which slot, and so which model, a client means."""

from fastapi import Request

from pippin.errors import InvalidRequest

SLOT_HEADER = "X-Model-Id"
MAX_SLOT_CHARS = 100


def slot_of(request: Request) -> str | None:
    """The slot that a request names; ``None``: it names none.

    Raises:
        InvalidRequest: the header is empty, too long, or given twice.
    """
    given = request.headers.getlist(SLOT_HEADER)
    if not given:
        return None
    slot = given[0].strip()
    if len(given) > 1 or not slot or len(slot) > MAX_SLOT_CHARS or not slot.isprintable():
        raise InvalidRequest(
            f"{SLOT_HEADER} must be one name of at most {MAX_SLOT_CHARS} characters.", SLOT_HEADER
        )
    return slot
