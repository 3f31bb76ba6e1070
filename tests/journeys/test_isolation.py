"""Nobody's answer depends on who else is there."""

import asyncio
import random
from typing import Any

import openai
import pytest

from tests.journeys.server import mlx_only

CROWD = 64
WORDS = ["red", "green", "blue", "seven", "cat", "house", "river"]


def request(number: int) -> dict[str, Any]:
    """One of 64 unlike requests: prompts of many lengths, every sampling parameter somewhere."""
    rng = random.Random(number)
    words = " ".join(rng.choices(WORDS, k=number * 3))
    questions = ["Tell me a story.", "What is the capital of Spain?", "Count from 1 to 40.", words]
    extra = {
        "top_k": rng.choice([0, 1, 5, 40]),
        "min_p": rng.choice([0.0, 0.05, 0.3]),
        "typical_p": rng.choice([1.0, 0.6]),
        "repetition_penalty": rng.choice([1.0, 1.1, 1.4]),
        "repetition_context_size": rng.choice([5, 20, 100]),
        "min_tokens": rng.choice([0, 4]),
    }
    return {
        "model": "noise" if number % 2 else "demo",
        "messages": [{"role": "user", "content": questions[number // 2 % 4] + " " + words}],
        "temperature": rng.choice([0.0, 0.4, 0.9, 1.6]),
        "top_p": rng.choice([0.3, 0.8, 0.95, 1.0]),
        "seed": rng.randint(-(2**63), 2**63 - 1),
        "frequency_penalty": rng.choice([0.0, 0.7, -0.3]),
        "presence_penalty": rng.choice([0.0, 0.6]),
        "logit_bias": rng.choice([{}, {"300": 3, "301": -100}]),
        "max_tokens": rng.randint(8, 48),
        "logprobs": rng.choice([True, False]),
        "n": rng.choice([1, 1, 1, 2]),
        "extra_body": extra,
    }


async def ask(client: openai.AsyncOpenAI, number: int) -> list[tuple[str | None, str]]:
    answer = await client.chat.completions.create(**request(number))
    return [(choice.message.content, choice.finish_reason) for choice in answer.choices]


async def ask_streamed(client: openai.AsyncOpenAI, number: int) -> list[tuple[str | None, str]]:
    stream = await client.chat.completions.create(**request(number), stream=True)
    texts: dict[int, str] = {}
    ends: dict[int, str] = {}
    async for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    return [(texts[index], ends[index]) for index in sorted(texts)]


async def start_and_leave(client: openai.AsyncOpenAI, number: int, after: int) -> None:
    """A client that goes away after a few chunks."""
    body = request(number) | {"max_tokens": 400, "n": 1}
    async with await client.chat.completions.create(**body, stream=True) as stream:
        async for _ in stream:
            after -= 1
            if after <= 0:
                return


@pytest.mark.anyio
@mlx_only
@pytest.mark.timeout(300)
async def test_a_crowd_of_64_gets_what_each_gets_alone(async_client: openai.AsyncOpenAI) -> None:
    alone = [await ask(async_client, number) for number in range(CROWD)]
    rng = random.Random(0)

    async def late(number: int) -> list[tuple[str | None, str]]:
        await asyncio.sleep(rng.uniform(0, 1.5))
        return await (ask if number % 2 else ask_streamed)(async_client, number)

    leavers = [start_and_leave(async_client, n, after=n % 7) for n in range(0, CROWD, 4)]
    crowd, _ = await asyncio.gather(
        asyncio.gather(*(late(number) for number in range(CROWD))), asyncio.gather(*leavers)
    )
    unlike = [number for number in range(CROWD) if crowd[number] != alone[number]]
    assert unlike == []
    assert len({str(answer) for answer in alone}) > CROWD // 2
