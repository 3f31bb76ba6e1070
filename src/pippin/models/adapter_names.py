"""What requests call a model's LoRA adapters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdapterNames:
    """Immutable; any thread. Adapter 0 is none."""

    names: tuple[str, ...] = ()
    """Of the adapters 1, 2, ..."""
    default: int = 0
    """For requests that name none."""
    digests: tuple[bytes, ...] = (b"",)
    """By index: what tells an adapter from any other. Of none: empty."""

    def find(self, name: str | None) -> int:
        """The index of a name, 0 for the empty one, the default's for ``None``.

        Raises:
            KeyError: there is no such adapter.
        """
        if name is None:
            return self.default
        return {name: index for index, name in enumerate(("", *self.names))}[name]

    @property
    def default_name(self) -> str:
        """Empty: none."""
        return ("", *self.names)[self.default]
