"""A server to be hostile to, and a canary that must go on singing beside every attack.

The tests know nothing but the server's URL.
"""

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.journeys.server import serving

RECEIPT_TIMEOUT_S = 1.0
MAX_BODY_BYTES = 1024 * 1024
CANARY_TOKENS = 2_000


@pytest.fixture(scope="package")
def server_url() -> Iterator[str]:
    """The real server without keys on loopback, with a short receipt deadline and a small body
    limit."""
    limits = (f"--receipt-timeout={RECEIPT_TIMEOUT_S}", f"--max-body={MAX_BODY_BYTES}")
    with serving(*limits) as server:
        yield server.url


@pytest.fixture
def client(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=30) as client:
        yield client


class Canary:
    """A stream of its own that counts what it gets, and begins anew when it is complete; after a
    rest, if it is given one and nobody wants to hear it."""

    def __init__(
        self, url: str, model: str = "demo", tokens: int = CANARY_TOKENS, rest_s: float = 0.0
    ) -> None:
        self._url = url
        self._model = model
        self._tokens = tokens
        self._rest_s = rest_s
        self._wanted = threading.Event()
        self._events = 0
        self._error: str | None = None
        self._stop = False
        self._heard = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Canary":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._wanted.set()
        self._thread.join(30)

    def must_sing(self) -> None:
        """Wait for a few more events; fail if the stream broke instead."""
        self._wanted.set()
        with self._heard:
            target = self._events + 3
            arrived = self._heard.wait_for(
                lambda: self._events >= target or self._error is not None, 30
            )
            error, self._error = self._error, None
        assert error is None, f"the canary's stream broke: {error}"
        assert arrived, "the canary fell silent"

    def must_sing_on(self, after: str) -> None:
        """Wait for a few more events: of this stream, or of a new one if this error ended it."""
        try:
            self.must_sing()
        except AssertionError as broken:
            if after not in str(broken):
                raise
            self.must_sing()

    def _listen(self) -> None:
        while not self._stop:
            try:
                self._listen_to_one()
            except Exception as error:  # noqa: BLE001
                # In a thread: the test that waits has to learn of whatever it is.
                self._note(error=repr(error))
            self._wanted.wait(self._rest_s)

    def _listen_to_one(self) -> None:
        self._wanted.clear()
        ask = {
            "model": self._model,
            "messages": [{"role": "user", "content": "Sing."}],
            "stream": True,
            "ignore_eos": True,
            "max_tokens": self._tokens,
        }
        url = f"{self._url}/v1/chat/completions"
        with httpx.stream("POST", url, json=ask, timeout=30) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                self._note(error=line if '"error"' in line else None)
                if self._stop:
                    return

    def _note(self, *, error: str | None = None) -> None:
        with self._heard:
            self._events += 1
            self._error = self._error or error
            self._heard.notify_all()


@pytest.fixture(scope="package")
def canary(server_url: str) -> Iterator[Canary]:
    """It rests now and then, or it would have half of a small machine for itself all the time."""
    with Canary(server_url, tokens=300, rest_s=1.0) as canary:
        yield canary


@pytest.fixture(autouse=True)
def _undisturbed(server_url: str, canary: Canary) -> Iterator[None]:
    """The canary sings before, during and after every test; then the server is healthy."""
    canary.must_sing()
    yield
    canary.must_sing()
    assert httpx.get(f"{server_url}/health", timeout=30).status_code == 200
