"""A schema that is wrong or cannot be enforced."""


class SchemaRefused(Exception):
    """Fit for the client: says what, and at which place of the schema."""

    def __init__(self, why: str, where: str) -> None:
        super().__init__(why)
        self.why = why
        self.where = where


class NotEnforced(SchemaRefused):
    """The keyword at ``where`` is right, and cannot be enforced; without it the rest may be."""


class NotExpressible(SchemaRefused):
    """The negation of something for which there is no plain schema."""
