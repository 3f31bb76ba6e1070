"""Rows 37 and 38: templates that would execute code, or that are nested to break a parser. Such a
model is refused, in clear words, and the model beside it serves on."""

import shutil
import time
from pathlib import Path

import httpx
import pytest

from pippin import demo
from tests.hostile.expect import refusal
from tests.journeys.server import READY_WITHIN_S, RunningServer, serving

CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "What is the capital of France?"}
pytestmark = pytest.mark.timeout(240)  # each starts a server of its own

REACHING = [
    "{{ cycler.__init__.__globals__.os.popen('touch {path}').read() }}",
    "{{ (''|attr('format'))('x') and ''|attr('__class__')|attr('__mro__') }}",
    "{% set x = messages.append({'role': 'user', 'content': 'x'}) %}{{ messages|length }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception) }}",
    "{% include '/etc/passwd' %}",
]
NESTED = [
    "{{ " + "(" * 6000 + "1" + ")" * 6000 + " }}",
    "{{ 1" + "|string" * 20_000 + " }}",
    "{% if 1 %}" * 3000 + "x" + "{% endif %}" * 3000,
]
"""A few: more of both are tried in ``tests/prompt``, without a server each."""


def model(folder: Path, template: str) -> Path:
    shutil.copytree(demo.MODELS["demo"], folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


def settled(self: RunningServer) -> None:
    """Wait until no model is loading any more: each is ready, or was refused."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert self.process.poll() is None, "".join(self.log)
        if self.url:
            states = httpx.get(f"{self.url}/health/ready").json()["models"]
            if "loading" not in states.values():
                assert states["demo"] == "ready"
                return
        time.sleep(0.1)
    raise TimeoutError("".join(self.log))


@pytest.fixture(autouse=True)
def _some_models_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunningServer, "wait_until_ready", settled)


def asked(url: str, name: str) -> httpx.Response:
    body = {"model": name, "messages": [USER], "max_tokens": 20, "temperature": 0}
    return httpx.post(url + CHAT, json=body, timeout=60)


def lives(url: str) -> None:
    answer = asked(url, "demo")
    assert answer.status_code == 200, answer.text
    assert "Paris" in answer.json()["choices"][0]["message"]["content"]


def test_row_37_templates_that_reach_out(tmp_path: Path) -> None:
    """They load, or not; whatever they say, each answer is one error, and nothing is executed."""
    touched = tmp_path / "pippin_was_here"
    folders = [
        model(tmp_path / f"hostile{number}", template.replace("{path}", str(touched)))
        for number, template in enumerate(REACHING)
    ]
    with serving("demo", *map(str, folders)) as server:
        for folder in folders:
            answer = asked(server.url, folder.name)
            refusal(answer, 400 if answer.status_code == 400 else 503)
            lives(server.url)
    assert not touched.exists()


def test_row_38_templates_nested_to_break_a_parser(tmp_path: Path) -> None:
    folders = [
        model(tmp_path / f"nested{number}", template) for number, template in enumerate(NESTED)
    ]
    with serving("demo", *map(str, folders)) as server:
        for folder in folders:
            error = refusal(asked(server.url, folder.name), 503)
            assert error["code"] == "model_unavailable"
            lives(server.url)
            said = [line for line in server.log if folder.name in line and "template" in line]
            assert said, "the log does not say why"
            assert "Traceback" not in "".join(said)
