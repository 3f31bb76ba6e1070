"""Flags as they were given → the settings in force."""

import os
from collections.abc import Mapping
from typing import Any

import click

from pippin.cli.flags import unknown_variables
from pippin.settings.errors import BadSettings
from pippin.settings.layers import InForce, gather


def in_force(given: Mapping[str, Any]) -> InForce:
    """Flags over environment over file over defaults. A flag that was not given says nothing.

    Raises:
        click.UsageError: something is wrong with them; a line for each.
    """
    if problems := unknown_variables(os.environ):
        raise click.UsageError("\n  ".join(problems))
    flags = {name: value for name, value in given.items() if _was_given(value)}
    try:
        return gather(flags, os.environ)
    except BadSettings as error:
        raise click.UsageError("\n  ".join(error.problems)) from error


def _was_given(value: object) -> bool:
    return value is not None and value is not False and value != ()
