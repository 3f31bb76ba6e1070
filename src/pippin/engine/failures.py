"""Failed steps: one costs its jobs, too many in a row cost the engine."""

from collections.abc import Sequence

from pippin.engine.lane import JobFailed, Output

MAX_FAILURES = 20
"""Failed steps in a row, after which the engine is taken to be broken."""


class IntegrityError(Exception):
    """The engine is idle and yet holds lanes, caches or bytes: a leak."""


class EngineBroken(Exception):
    """Step after step fails: nothing is gained by going on."""


class Failures:
    """Counts failed steps. Owned by the engine, on its thread."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def among(self, outputs: Sequence[Output], others: bool = False) -> list[int]:
        """The jobs that failed, given what a step put out; ``others``: that there were outputs
        beside these, none of them failures. A step that put out nothing says nothing.

        Raises:
            EngineBroken: too many steps failed, one after the other.
        """
        failed = [output for output in outputs if isinstance(output, JobFailed)]
        if any(not output.too_complex for output in failed):
            self._in_a_row += 1
        elif outputs or others:
            self._in_a_row = 0
        if self._in_a_row >= MAX_FAILURES:
            raise EngineBroken(f"{self._in_a_row} steps failed, one after the other")
        return [output.job_id for output in failed]
