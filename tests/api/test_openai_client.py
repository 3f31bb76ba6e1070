"""The official client, sync and async, against a real server with a scripted fleet."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from pippin.settings import Settings
from tests.api.fakes import FakeFleet
from tests.api.serving import running

pytestmark = pytest.mark.anyio

ASK: Any = [{"role": "user", "content": "What is the capital of France? Paris"}]
WHOLE = " Paris" * 5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(Settings(port=0), FakeFleet()) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_chat(client: Any) -> None:
    answer = client.chat.completions.create(model="fake", messages=ASK)
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].message.content == WHOLE
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 7
    assert answer.usage.prompt_tokens_details.cached_tokens == 3
    assert answer.system_fingerprint == "fp_fake"


def test_chat_streamed(client: Any) -> None:
    chunks = list(
        client.chat.completions.create(
            model="fake", messages=ASK, stream=True, n=2, stream_options={"include_usage": True}
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].delta.role for chunk in chunks[:2]] == ["assistant", "assistant"]
    for index in (0, 1):
        mine = [c.choices[0] for c in chunks if c.choices and c.choices[0].index == index]
        assert "".join(choice.delta.content or "" for choice in mine) == WHOLE
        assert [choice.finish_reason for choice in mine if choice.finish_reason] == ["stop"]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 10


def test_chat_logprobs(client: Any) -> None:
    answer = client.chat.completions.create(
        model="fake", messages=ASK, logprobs=True, top_logprobs=2
    )
    content = answer.choices[0].logprobs.content
    assert [token.token for token in content] == [" Paris"] * 5
    assert content[0].bytes == list(b" Paris")
    assert [top.logprob for top in content[0].top_logprobs] == [-1.0, -2.0]
    chunks = client.chat.completions.create(
        model="fake", messages=ASK, logprobs=True, top_logprobs=2, stream=True
    )
    streamed = [
        token
        for chunk in chunks
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert streamed == content


def test_completions(client: Any) -> None:
    answer = client.completions.create(
        model="fake", prompt=["one", "two"], n=2, max_tokens=2, logprobs=1
    )
    assert [choice.text for choice in answer.choices] == [" one one"] * 2 + [" two two"] * 2
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[3].finish_reason == "length"
    assert answer.choices[0].logprobs.text_offset == [0, 4]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2


def test_completions_streamed(client: Any) -> None:
    chunks = list(client.completions.create(model="fake", prompt=["a", "b"], stream=True))
    texts = {0: "", 1: ""}
    for chunk in chunks:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == {0: " a" * 5, 1: " b" * 5}


OWN = {"pippin": {"explain_cache": True, "priority": "batch"}}


def test_an_explanation_does_not_disturb_the_client(client: Any) -> None:
    whole = client.chat.completions.create(model="fake", messages=ASK, extra_body=OWN)
    (line,) = whole.model_extra["pippin"]["cache"]
    assert (line["tier"], line["reason"]) == ("ram", "differs")
    assert whole.usage.prompt_tokens_details.cached_tokens >= 0
    for create, ask in (
        (client.chat.completions.create, {"messages": ASK}),
        (client.completions.create, {"prompt": "hello"}),
    ):
        chunks = list(create(model="fake", **ask, stream=True, extra_body=OWN))
        assert [c.model_extra["pippin"]["cache"][0] for c in chunks if not c.choices] != []


def test_an_explanation_in_the_clients_own_stream_helper(client: Any) -> None:
    with client.chat.completions.stream(model="fake", messages=ASK, extra_body=OWN) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == WHOLE


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.models.retrieve("fake").id == "fake"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("../etc/passwd")


def test_errors_are_the_clients_own(client: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature") as caught:
        client.chat.completions.create(model="fake", messages=ASK, temperature=3)
    assert caught.value.param == "temperature"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4", messages=ASK)


async def test_async(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        answer = await client.chat.completions.create(model="fake", messages=ASK)
        assert answer.choices[0].message.content == WHOLE
        stream: Any = await client.chat.completions.create(model="fake", messages=ASK, stream=True)
        assert "".join([c.choices[0].delta.content or "" async for c in stream]) == WHOLE
