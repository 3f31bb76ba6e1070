"""Names that no tool in training has, so that the gate can ask for tools that are truly unseen."""

from __future__ import annotations

from ..texts import words_of

GATE_NOUNS: frozenset[str] = frozenset(
    words_of(
        "order ticket thermostat table parcel invoice playlist elevator sprinkler subscription "
        "refund badge shipment appointment printer aquarium drone locker greenhouse meeting "
        "reminder blinds vacuum"
    )
)


def is_for_the_gate(name: str) -> bool:
    """Tell whether the name of a tool contains a noun of the gate."""
    lowered = name.lower()
    return any(noun in lowered for noun in GATE_NOUNS)
