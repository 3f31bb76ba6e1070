"""Names that clients give to loaded models: the ``X-Model-Id`` of mlx_gguf_server."""

MAX_SLOTS = 256
DEFAULT_SLOT = "0"
"""What a client means that names none."""


class Slots:
    """Slot → the name of the model in it. Owned by the fleet."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def model_of(self, slot: str) -> str | None:
        """The name of the model in it, if there is one."""
        return self._names.get(slot)

    def put(self, slot: str, name: str) -> bool:
        """Whether it could be put in: a slot holds one, and there are ``MAX_SLOTS``."""
        if slot in self._names or len(self._names) >= MAX_SLOTS:
            return False
        self._names[slot] = name
        return True

    def clear(self, slot: str) -> str | None:
        """Empty it; the name of what was in it."""
        return self._names.pop(slot, None)

    def holds(self, name: str) -> bool:
        """Whether any slot has this model."""
        return name in self._names.values()
