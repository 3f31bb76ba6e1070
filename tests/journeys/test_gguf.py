"""GGUF models beside MLX ones: what only they can, what only the others can, and crowds, cancels
and deaths of their own. All that both can is in the other journeys, which know of both."""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pippin import demo
from tests.formats.gguf_writer import entry, tensor, whole
from tests.journeys.forms import Form, all_forms, verdict
from tests.journeys.server import RunningServer, serving

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "Count from 1 to 200."}]
MIROSTAT: dict[str, Any] = {"mirostat_mode": 2, "mirostat_tau": 3.0, "mirostat_eta": 0.2}
CROWD = 16


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Both demos; and the GGUF one once more, as a file somewhere, with another chat format."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copy(demo.MODELS["demo-gguf"], folder / "copy.gguf")
    config = folder / "pippin.yaml"
    config.write_text(
        "models:\n"
        "  - model: demo-gguf\n"
        "  - model: demo\n"
        f"  - {{name: copy, model: {folder / 'copy.gguf'}, chat_format: alpaca}}\n"
    )
    with serving("--config", str(config)) as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


def ask(server: RunningServer, **fields: Any) -> httpx.Response:
    body = {"model": "demo-gguf", "messages": USER, "max_tokens": 20} | fields
    return httpx.post(f"{server.url}{CHAT}", json=body, timeout=60)


def said(server: RunningServer, **fields: Any) -> str:
    answer = ask(server, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def busy_s(server: RunningServer) -> float:
    """Processor time of all workers, in seconds."""
    times = [worker.cpu_times() for worker in server.workers]
    return float(sum(each.user + each.system for each in times))


async def later(look: Callable[[RunningServer], float], server: RunningServer) -> float:
    await asyncio.sleep(0.5)
    return look(server)


def test_both_say_the_same(both: RunningServer) -> None:
    assert said(both) == said(both, model="demo")


def test_mirostat(both: RunningServer) -> None:
    for mode in (1, 2):
        fields = MIROSTAT | {"temperature": 1.5, "mirostat_mode": mode}
        fields |= {"messages": [{"role": "user", "content": "Name three colors."}]}
        assert said(both, **fields, seed=3) == said(both, **fields, seed=3)
        assert len({said(both, **fields, seed=seed) for seed in range(8)}) > 1
    assert said(both, mirostat=2, temperature=0) == said(both, temperature=0)
    refused = ask(both, mirostat=1, mirostat_mode=2)
    assert refused.json()["error"]["param"] == "mirostat"


def test_what_a_runtime_cannot_do_is_refused_by_name(both: RunningServer) -> None:
    for name, value in (MIROSTAT | {"mirostat": 1}).items():
        error = ask(both, model="demo", **{name: value}).json()["error"]
        assert (error["param"], error["code"]) == (name, "unsupported_parameter")
        assert "mlx" in error["message"]
    assert said(both, model="demo", mirostat_mode=0)
    cards = httpx.get(f"{both.url}/v1/capabilities").json()["data"]
    found = {card["id"]: card for card in cards}
    for route in (CHAT, "/v1/completions"):
        of_mlx, of_gguf = (found[name]["parameters"][route] for name in ("demo", "demo-gguf"))
        for name in (*MIROSTAT, "mirostat"):
            assert of_mlx[name]["support"] == "refused"
            assert of_gguf[name]["support"] == "honoured"
        others = of_mlx.keys() - MIROSTAT.keys() - {"mirostat"}
        assert {name: of_mlx[name] for name in others} == {name: of_gguf[name] for name in others}
    assert [found[name]["runtime"] for name in ("demo", "demo-gguf")] == ["mlx", "llama.cpp"]
    assert "llama.cpp" in found["demo-gguf"]["device"]


def test_another_chat_format(both: RunningServer) -> None:
    def length(model: str) -> int:
        answer = ask(both, model=model, max_tokens=1)
        return int(answer.json()["usage"]["prompt_tokens"])

    plain = "### Instruction:\nCount from 1 to 200.\n\n### Response:\n"
    counted = httpx.post(
        f"{both.url}/v1/completions", json={"model": "copy", "prompt": plain, "max_tokens": 1}
    ).json()
    assert length("copy") == counted["usage"]["prompt_tokens"] != length("demo-gguf")


@pytest.mark.anyio
@pytest.mark.timeout(400)
async def test_every_form_sixteen_at_once(both: RunningServer) -> None:
    turn = asyncio.Semaphore(CROWD)

    async def formed(client: httpx.AsyncClient, form: Form, seed: int) -> str | None:
        body = {"model": "demo-gguf", "prompt": "Say something:", "temperature": 1.3, "seed": seed}
        async with turn:
            answer = await client.post(
                "/v1/completions", json=body | {"max_tokens": 240} | form.fields
            )
        assert answer.status_code == 200, answer.text
        (choice,) = answer.json()["choices"]
        return verdict(form, choice["text"], choice["finish_reason"])

    async with httpx.AsyncClient(base_url=both.url, timeout=300) as client:
        asked = [formed(client, form, seed) for seed, form in enumerate(all_forms())]
        wrong = [found for found in await asyncio.gather(*asked) if found]
    assert not wrong, f"{len(wrong)} of {len(asked)}: {wrong[:5]}"


@pytest.mark.anyio
async def test_who_leaves_takes_no_more_time(both: RunningServer) -> None:
    async def begin_and_leave(client: httpx.AsyncClient, number: int) -> None:
        body = {"model": "demo-gguf", "messages": USER, "stream": True, "max_tokens": 3000}
        body |= {"ignore_eos": True, "seed": number}
        async with client.stream("POST", CHAT, json=body) as answer:
            async for line in answer.aiter_lines():
                if '"content":"' in line.replace(" ", ""):
                    return

    async with httpx.AsyncClient(base_url=both.url, timeout=60) as client:
        await asyncio.gather(*(begin_and_leave(client, number) for number in range(24)))
    # What they left undone would take a minute.
    deadline = time.monotonic() + 20
    while (before := busy_s(both)) < (await later(busy_s, both)) - 0.1:
        assert time.monotonic() < deadline, f"busy since {before} s of processor time"
    assert said(both) == said(both, model="demo")


def test_a_long_prompt(both: RunningServer) -> None:
    words = "word " * 1800
    answer = ask(both, messages=[{"role": "user", "content": words + "What is 3 + 4?"}])
    assert answer.json()["usage"]["prompt_tokens"] > 3000
    over = ask(both, messages=[{"role": "user", "content": words * 3}])
    assert over.json()["error"]["code"] == "context_length_exceeded"


def test_prompts_are_remembered(both: RunningServer) -> None:
    story = [{"role": "user", "content": "Remember: " + "apple pear plum " * 40}]
    fresh, again = (ask(both, messages=story).json() for _ in range(2))
    assert again["choices"][0]["message"] == fresh["choices"][0]["message"]
    details = again["usage"]["prompt_tokens_details"]
    assert details["cached_tokens"] == again["usage"]["prompt_tokens"] - 1


def test_a_worker_dies_in_the_middle() -> None:
    """Aborted, as native code does it."""
    with serving("demo-gguf") as server:
        expected = said(server)
        body = {"model": "demo-gguf", "messages": USER, "stream": True, "ignore_eos": True}
        lines: list[str] = []
        with httpx.stream("POST", f"{server.url}{CHAT}", json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                lines.append(line)
                if len(lines) == 5:
                    os.kill(server.workers[0].pid, signal.SIGABRT)
                if len(lines) > 3000:
                    break
        assert len(lines) > 5
        deadline = time.monotonic() + 60
        while ask(server).status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert said(server) == expected


def test_bad_files_are_refused_in_words(tmp_path: Path) -> None:
    contents = {
        "noise": b"GGUF" + b"\xff" * 60,
        "cut": demo.MODELS["demo-gguf"].read_bytes()[:500_000],
        "alignment": whole([entry("general.alignment", 4, 2**31)]),
        "overflow": whole(tensors=[tensor("w", (2**32, 2**32), 0, 0)], data=b"\0" * 64),
        "empty": whole([entry("general.architecture", 8, "qwen3")]),
    }
    paths = [tmp_path / f"{name}.gguf" for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    with pytest.raises(RuntimeError) as ended, serving(*map(str, paths)):
        pass
    for name in contents:
        assert re.search(rf"{name}\.gguf (is no GGUF file|has no )", str(ended.value)), ended.value
