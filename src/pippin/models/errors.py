"""Why a model cannot be served, in words for the operator."""


class CannotLoad(Exception):
    """The message says what is wrong with the model and what to do."""
