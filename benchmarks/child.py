"""A helper process that answers one JSON line with one JSON line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Reply = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent


class ChildFailed(Exception):
    """The helper ended, or answered with an error."""


class Child:
    """Runs ``python -m MODULE ARGUMENTS``; its stderr is ours. A context manager."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )

    def ask(self, message: Reply) -> Reply:
        """Raises ChildFailed."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ChildFailed(f"{self._module} has no pipes")
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ChildFailed(f"{self._module} ended with status {self._process.wait()}")
        reply: Reply = json.loads(line)
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()


def serve(answer: Callable[[Reply], Reply]) -> None:
    """The helper's side: until its input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
