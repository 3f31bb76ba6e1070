"""Why a model's file cannot be used."""


class BadModelFile(Exception):
    """The message says which file is wrong, and in which way. For the operator: it names paths."""
