"""What a request may add to a model's name."""


def split_adapter(name: str) -> tuple[str, str | None]:
    """A name as ``MODEL+ADAPTER`` → the model's and the adapter's; without a plus, or with nothing
    on one side of it, the name and ``None``. For names that no model has: a model's own name may
    hold a plus."""
    model, _, adapter = name.rpartition("+")
    return (model, adapter) if model and adapter else (name, None)
