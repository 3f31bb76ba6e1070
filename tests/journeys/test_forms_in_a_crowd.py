"""A model whose free text is noise gives hundreds of answers, each in the form it was asked for,
while neighbours that were asked for none say what they say alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from benchmarks.tokenizer import save, train

from tests.journeys.forms import Form, all_forms, verdict
from tests.journeys.server import RunningServer, serving
from tests.random_model import make_random_model

CROWD = 16
SEEDS = 4
VOCAB = 4096
MAX_TOKENS = 240
NEIGHBOURS = 24


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a model of random weights and a vocabulary of 4,096 with all bytes."""
    folder = make_random_model(tmp_path_factory.mktemp("models") / "noisy", vocab_size=VOCAB)
    save(train(VOCAB), folder, context=4096)
    (Path(folder) / "chat_template.jinja").unlink()
    with serving(str(folder)) as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


class Crowd:
    """At most sixteen requests at once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._turn = asyncio.Semaphore(CROWD)

    async def ask(self, seed: int, **fields: Any) -> tuple[str, str]:
        """A text and why it ended."""
        body = {"prompt": "Say something:", "temperature": 1, "seed": seed} | fields
        async with self._turn:
            answer = await self._client.post("/v1/completions", json=body)
        assert answer.status_code == 200, (fields, answer.text)
        (choice,) = answer.json()["choices"]
        return choice["text"], choice["finish_reason"]

    async def neighbour(self, number: int) -> tuple[str, str]:
        return await self.ask(number, max_tokens=40, prompt=f"Story {number % NEIGHBOURS}")

    async def formed(self, form: Form, seed: int) -> tuple[str, str]:
        return await self.ask(seed, max_tokens=MAX_TOKENS, **form.fields)


@pytest.mark.anyio
@pytest.mark.timeout(600)
async def test_hundreds_of_answers_have_their_forms(noisy: RunningServer) -> None:
    forms = all_forms()
    assert len(forms) > 140
    async with httpx.AsyncClient(base_url=noisy.url, timeout=300) as client:
        crowd = Crowd(client)
        alone = [await crowd.neighbour(number) for number in range(NEIGHBOURS)]
        asked: list[tuple[Form, asyncio.Task[tuple[str, str]]]] = []
        beside: list[tuple[int, asyncio.Task[tuple[str, str]]]] = []
        for start in range(0, len(forms), CROWD):
            for seed in range(SEEDS):
                for form in forms[start : start + CROWD]:
                    asked.append((form, asyncio.create_task(crowd.formed(form, seed))))
                    if len(asked) % 4 == 0:
                        number = len(beside) % NEIGHBOURS
                        beside.append((number, asyncio.create_task(crowd.neighbour(number))))
        answers = [(form, *await task) for form, task in asked]
        changed = [number for number, task in beside if await task != alone[number]]
    wrong = [found for answer in answers if (found := verdict(*answer))]
    cut = sum(reason == "length" for _, _, reason in answers)
    assert len(answers) - cut >= 500, f"{cut} of {len(answers)} were cut"
    assert len({text for text, _ in alone}) == NEIGHBOURS
    assert not wrong, f"{len(wrong)} of {len(answers)}: {wrong[:10]}"
    assert not changed, f"{len(changed)} of {len(beside)} neighbours said something else"
