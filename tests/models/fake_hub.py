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
                body = (hub.folder / path.rsplit("/", 1)[1]).read_bytes()
                self._send(200, body, "application/octet-stream", with_body)
            else:
                self._send(404, b"{}", "application/json", with_body)

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
