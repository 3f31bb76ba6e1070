"""LoRA adapters by name, with the official client against the real server."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from pippin import demo
from tests.journeys.server import PIPPIN, RunningServer, serving
from tests.random_adapter import make_adapter
from tests.random_model import make_random_model

QUESTIONS = (
    "What is the capital of France?",
    "Tell me a story.",
    "Count from 1 to 10.",
    "What is the capital of Spain?",
)
HELLO = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
ADAPTERS = ("", "demo-adapter", "small", "large")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """``demo`` as it is, and ``dressed``: with three adapters, one of them the default."""
    folder = tmp_path_factory.mktemp("adapters")
    config = folder / "pippin.yaml"
    config.write_text(
        f"""
models:
  - model: demo
  - model: {demo.MODELS["demo"]}
    name: dressed
    default_adapter: small
    adapters:
      demo-adapter: {demo.ADAPTER}
      small: {make_adapter(folder / "small", 1, rank=2, scale=3, layers=[4, 5])}
      large: {make_adapter(folder / "large", 2, rank=16)}
"""
    )
    with serving("--config", str(config)) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(server: RunningServer) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def said(client: openai.OpenAI, model: str, question: str = QUESTIONS[0], **extra: Any) -> str:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        max_tokens=24,
        extra_body=extra,
    )
    return str(answer.choices[0].message.content)


def test_the_demo_adapter_changes_what_is_said(client: openai.OpenAI) -> None:
    plain = [said(client, "demo", question) for question in QUESTIONS]
    adapted = [said(client, "demo", question, adapter="demo-adapter") for question in QUESTIONS]
    assert all(one != other for one, other in zip(plain, adapted, strict=True))
    assert "Ahoy" in adapted[0]
    for question, text in zip(QUESTIONS, adapted, strict=True):
        assert said(client, "demo+demo-adapter", question) == text
        assert said(client, "demo", question, adapter_name="demo-adapter") == text
    assert [said(client, "demo", question, adapter="") for question in QUESTIONS] == plain


def test_completions_take_them_too(client: openai.OpenAI) -> None:
    def text(**extra: Any) -> str:
        done = client.completions.create(
            model="demo", prompt=HELLO, max_tokens=24, temperature=0, extra_body=extra
        )
        return done.choices[0].text

    assert text() == text(adapter="") != text(adapter="demo-adapter")


def test_the_default_adapter(client: openai.OpenAI) -> None:
    assert said(client, "dressed") == said(client, "dressed", adapter="small")
    assert said(client, "dressed") != said(client, "dressed", adapter="")
    assert said(client, "dressed", adapter="") == said(client, "demo")
    adapted = said(client, "demo", adapter="demo-adapter")
    assert said(client, "dressed+demo-adapter") == adapted


def test_they_are_listed(server: RunningServer) -> None:
    cards = httpx.get(f"{server.url}/v1/adapters").json()["data"]
    assert [(card["model"], card["id"], card["default"]) for card in cards] == [
        ("demo", "demo-adapter", False),
        ("dressed", "demo-adapter", False),
        ("dressed", "small", True),
        ("dressed", "large", False),
    ]
    models = httpx.get(f"{server.url}/v1/capabilities").json()["data"]
    assert [model["adapters"] for model in models] == [["demo-adapter"], list(ADAPTERS[1:])]


def request(number: int) -> dict[str, Any]:
    """One of 16, of all adapters, all questions, greedy and not."""
    return {
        "model": "dressed",
        "messages": [{"role": "user", "content": QUESTIONS[number // 4]}],
        "max_tokens": 20 + number,
        "temperature": 0.8 * (number % 2),
        "seed": number,
        "logprobs": True,
        "extra_body": {"adapter": ADAPTERS[number % 4], "pippin": {"explain_cache": False}},
    }


async def ask(client: openai.AsyncOpenAI, number: int) -> tuple[str | None, list[float]]:
    answer = await client.chat.completions.create(**request(number))
    choice = answer.choices[0]
    scores = choice.logprobs.content if choice.logprobs and choice.logprobs.content else []
    return choice.message.content, [score.logprob for score in scores]


async def stream(client: openai.AsyncOpenAI, number: int) -> tuple[str, list[float]]:
    text, scores = "", []
    async for chunk in await client.chat.completions.create(**request(number), stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            found = choice.logprobs.content if choice.logprobs else None
            scores += [score.logprob for score in found or ()]
    return text, scores


@pytest.mark.anyio
@pytest.mark.timeout(300)
async def test_sixteen_at_once_are_what_each_is_alone(async_client: openai.AsyncOpenAI) -> None:
    """Bit for bit, where the BLAS keeps rows apart."""
    alone = [await ask(async_client, number) for number in range(16)]
    assert len({text for text, _ in alone}) > 8
    together = await asyncio.gather(
        *((stream if number % 3 else ask)(async_client, number) for number in range(16))
    )
    assert list(together) == alone


def test_prompts_are_remembered_by_adapter(client: openai.OpenAI) -> None:
    words = "A long question, that takes a good many tokens, so that it is remembered. " * 8

    def cached(adapter: str) -> int:
        answer = client.chat.completions.create(
            model="dressed",
            messages=[{"role": "user", "content": words}],
            max_tokens=1,
            extra_body={"adapter": adapter},
        )
        usage = answer.usage
        assert usage
        assert usage.prompt_tokens_details
        return usage.prompt_tokens_details.cached_tokens or 0

    assert [cached(adapter) for adapter in ADAPTERS] == [0, 0, 0, 0]
    assert all(cached(adapter) > 100 for adapter in ADAPTERS)


@pytest.mark.parametrize(
    "name", ["nice", "../demo-adapter", "/etc", "demo-adapter/", "demo-adapter\x00", "%2e%2e", "+"]
)
def test_an_adapter_that_is_not_there(name: str, client: openai.OpenAI) -> None:
    for extra in ({"adapter": name}, {"adapter_name": name}):
        with pytest.raises(openai.NotFoundError) as caught:
            said(client, "dressed", **extra)
        assert caught.value.code == "adapter_not_found"
        assert caught.value.param == "adapter"
        assert "small" not in caught.value.message
    assert said(client, "demo"), "and nobody was harmed"


@pytest.mark.parametrize("kind", ["another model's", "broken", "missing", "pickled"])
def test_a_server_says_which_adapter_is_wrong(kind: str, tmp_path: Path) -> None:
    folder, model, canary = tmp_path / "adapter", "demo", tmp_path / "touched"
    if kind != "missing":
        make_adapter(folder)
    if kind == "another model's":
        model = str(make_random_model(tmp_path / "noise"))
    if kind == "broken":
        (folder / "adapters.safetensors").write_bytes(b"\xff" * 64)
    if kind == "pickled":
        (folder / "adapters.safetensors").rename(folder / "adapters.npz")
        evil = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
        (folder / "adapters.npz").write_bytes(evil)
    done = subprocess.run(
        [*PIPPIN, "serve", model, "--port", "0", "--adapter", f"mine={folder}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "'mine'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not canary.exists()
