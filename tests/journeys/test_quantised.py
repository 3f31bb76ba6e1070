"""Caches in 8 bits, on a real server."""

from concurrent.futures import ThreadPoolExecutor

import openai

from tests.journeys.server import serving

COUNTRIES = {"France": "Paris", "Japan": "Tokyo", "Italy": "Rome"}


def test_a_crowd_is_answered() -> None:
    with (
        serving("demo", "--kv-bits", "8") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
        ThreadPoolExecutor(len(COUNTRIES)) as clients,
    ):

        def ask(country: str) -> str:
            answer = client.chat.completions.create(
                model="demo",
                messages=[{"role": "user", "content": f"What is the capital of {country}?"}],
                temperature=0,
            )
            return answer.choices[0].message.content or ""

        answers = clients.map(ask, COUNTRIES)
        for capital, text in zip(COUNTRIES.values(), answers, strict=True):
            assert capital in text
