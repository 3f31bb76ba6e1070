"""The few routes of a Hugging Face hub that a download needs, on loopback."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = hashlib.sha1(b"fake").hexdigest()


@dataclass
class FakeHub:
    """Serves one folder as the repository ``name``; others are 404, ``private/x`` is 401."""

    name: str
    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    """What parts of files were asked for."""
    cut_after: int | None = None
    """Bytes of a file after which the connection breaks."""
    stall_after: int | None = None
    """Bytes of a file after which no more come, as long as the hub is there."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set when a download waits for bytes that do not come."""
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def fake_hub(name: str, folder: Path) -> Iterator[FakeHub]:
    hub = FakeHub(name, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *_: object) -> None:
            """Silent."""

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append(path)
            if path.startswith("/api/models/private/"):
                self._send(401, b"{}", "application/json", with_body)
            elif path.startswith(f"/api/models/{hub.name}"):
                names = sorted(p.name for p in hub.folder.iterdir())
                body = json.dumps(self._listing(path, names)).encode()
                self._send(200, body, "application/json", with_body)
            elif path.startswith(f"/{hub.name}/resolve/"):
                self._send_file((hub.folder / path.rsplit("/", 1)[1]).read_bytes(), with_body)
            else:
                self._send(404, b"{}", "application/json", with_body)

        def _send_file(self, whole: bytes, with_body: bool) -> None:
            """All of it or from a place on, and no more than the hub is set to."""
            given = self.headers.get("Range")
            body = whole
            if given and with_body:
                hub.ranges.append(given)
                body = whole[int(given.removeprefix("bytes=").rstrip("-").split("-")[0]) :]
            self._head(206 if len(body) < len(whole) else 200, whole, len(body))
            if not with_body:
                return
            limits = [one for one in (hub.cut_after, hub.stall_after) if one is not None]
            self.wfile.write(body[: min(limits, default=len(body))])
            self.wfile.flush()
            if hub.stall_after is not None and len(body) > hub.stall_after:
                hub.stalled.set()
                hub.closing.wait()
            self.close_connection = True

        def _head(self, status: int, whole: bytes, length: int) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(length))
            if status == 206:
                first = len(whole) - length
                self.send_header("Content-Range", f"bytes {first}-{len(whole) - 1}/{len(whole)}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", f'"{hashlib.sha1(whole).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()

        def _listing(self, path: str, names: list[str]) -> object:
            if "/tree/" in path:
                return [
                    {
                        "type": "file",
                        "path": name,
                        "oid": hashlib.sha1(name.encode()).hexdigest(),
                        "size": (hub.folder / name).stat().st_size,
                    }
                    for name in names
                ]
            siblings = [{"rfilename": name} for name in names]
            return {"id": hub.name, "sha": COMMIT, "siblings": siblings, "tags": []}

        def _send(self, status: int, body: bytes, kind: str, with_body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    return Handler
