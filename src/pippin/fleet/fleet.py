"""All models of one server."""

import asyncio
import time
from collections.abc import Sequence

from pippin.errors import ModelNotFound
from pippin.fleet.model import ServedModel
from pippin.fleet.names import served_names
from pippin.fleet.process import WORKER_COMMAND
from pippin.fleet.supervisor import Supervisor
from pippin.settings import Settings

SHOWN_CHARS = 100
"""Of a model's name that nobody here has."""


class Fleet:
    """All models that this server serves. Started and stopped by the app's lifespan.

    Raises (on construction):
        ValueError: two models of one name, or a name that cannot be one.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = WORKER_COMMAND) -> None:
        created = int(time.time())
        self._supervisors = tuple(
            Supervisor(name, where, settings, command)
            for name, where in served_names(settings.models).items()
        )
        self._models = {one.name: ServedModel(one, created) for one in self._supervisors}

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """In the order in which they were asked for."""
        return tuple(self._models.values())

    async def start(self) -> None:
        """Start a worker per model. Returns at once; loading goes on."""
        for supervisor in self._supervisors:
            supervisor.start()

    def end_answers(self) -> None:
        """End every answer in flight with one ``ModelUnavailable``, and take no more of them:
        the server is about to stop, and each client is still told."""
        for supervisor in self._supervisors:
            supervisor.end_answers()

    async def stop(self) -> None:
        """End every worker. When it returns, no process and no socket is left. Idempotent."""
        await asyncio.gather(*(supervisor.stop() for supervisor in self._supervisors))

    def find(self, name: str | None) -> ServedModel:
        """The model of this name; the first one for ``None``. Raises: ModelNotFound."""
        if name is None:
            return self.models[0]
        try:
            return self._models[name]
        except KeyError:
            raise ModelNotFound(
                f"The model '{_shown(name)}' is not served here; "
                "GET /v1/models lists those that are.",
                param="model",
            ) from None


def _shown(name: str) -> str:
    """A client's own word, fit for a message: escaped and short."""
    return ascii(name[:SHOWN_CHARS])[1:-1][:SHOWN_CHARS]
