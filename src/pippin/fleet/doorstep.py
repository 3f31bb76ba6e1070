"""The private socket on which one worker, and nobody else, reports to its supervisor."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from pippin.wire.channel import READ_BYTES, Channel
from pippin.wire.codec import gateway_side
from pippin.wire.messages import ToGateway

MAX_SOCKET_PATH_BYTES = 103
"""macOS allows 104 with the final zero, Linux a few more."""


class Doorstep:
    """A unix socket in a folder that only this user may enter (mode 0700, by ``mkdtemp``).

    The first connection is the worker's; any other is closed unheard. The socket and its folder
    are gone after ``close``; an accepted connection stays.
    """

    def __init__(self) -> None:
        self._folder = _private_folder()
        self._server: asyncio.Server | None = None
        self._visitor: asyncio.Future[Channel[ToGateway]] | None = None

    @property
    def path(self) -> Path:
        return self._folder / "worker.sock"

    async def __aenter__(self) -> Self:
        self._visitor = asyncio.get_running_loop().create_future()
        try:
            self._server = await asyncio.start_unix_server(
                self._receive, self.path, limit=READ_BYTES
            )
        except OSError:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def visitor(self) -> Channel[ToGateway]:
        """The first connection, when it comes."""
        if self._visitor is None:
            raise RuntimeError("nobody can visit before the doorstep is entered")
        return await self._visitor

    def close(self) -> None:
        """Let nobody else in, and leave nothing on the disk. Idempotent."""
        if self._server is not None:
            self._server.close()
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._visitor is None or self._visitor.done():
            writer.close()
        else:
            self._visitor.set_result(Channel(reader, writer, gateway_side()))


def _private_folder() -> Path:
    """A new folder whose socket's path is short enough: in the usual place, else in /tmp."""
    usual = Path(tempfile.gettempdir())
    longest = len(str(usual / "pippin-12345678" / "worker.sock").encode())
    parent = usual if longest <= MAX_SOCKET_PATH_BYTES else Path("/tmp")
    return Path(tempfile.mkdtemp(prefix="pippin-", dir=parent))
