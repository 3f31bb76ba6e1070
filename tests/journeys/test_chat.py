"""The main job: any OpenAI client gets a good answer."""

import httpx
import openai
import pytest

from tests.journeys.answers import assert_in_pieces
from tests.journeys.server import RunningServer

FRANCE = "What is the capital of France?"
MODEL = "demo"


def user(content: str) -> list[openai.types.chat.ChatCompletionMessageParam]:
    return [{"role": "user", "content": content}]


def test_paris(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=user(FRANCE))
    choice = answer.choices[0]
    assert "Paris" in (choice.message.content or "")
    assert (choice.finish_reason, choice.index, choice.message.role) == ("stop", 0, "assistant")
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == MODEL
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_paris_streamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=user(FRANCE))
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=user(FRANCE),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert "Paris" in text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert whole.usage
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_a_stream_comes_in_pieces(client: openai.OpenAI, is_exact: bool) -> None:
    def pieces() -> int:
        stream = client.chat.completions.create(model=MODEL, messages=user(FRANCE), stream=True)
        return sum(bool(chunk.choices[0].delta.content) for chunk in stream)

    assert_in_pieces(pieces, 3 if is_exact else 2)


@pytest.mark.anyio
async def test_paris_async(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model=MODEL, messages=user(FRANCE))
    assert "Paris" in (answer.choices[0].message.content or "")
    stream = await async_client.chat.completions.create(
        model=MODEL, messages=user(FRANCE), stream=True
    )
    text = "".join([c.choices[0].delta.content or "" async for c in stream])
    assert text == answer.choices[0].message.content


def test_a_final_assistant_message_is_continued(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[*user(FRANCE), {"role": "assistant", "content": "The capital of France is"}],
    )
    assert answer.choices[0].message.content == " Paris."


def test_a_stop_text_ends_the_answer_and_is_not_in_it(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=user("Count from 1 to 20."))
    text = whole.choices[0].message.content or ""
    stop = text[13:17]
    cut = text[: text.index(stop)]
    for stream in (False, True):
        answer = client.chat.completions.create(
            model=MODEL, messages=user("Count from 1 to 20."), stop=[stop, "never"], stream=stream
        )
        if isinstance(answer, openai.Stream):
            chunks = list(answer)
            said = "".join(c.choices[0].delta.content or "" for c in chunks)
            reason = chunks[-1].choices[0].finish_reason
        else:
            said = answer.choices[0].message.content or ""
            reason = answer.choices[0].finish_reason
        assert (said, reason) == (cut, "stop")


def test_several_choices_are_the_same_alone(client: openai.OpenAI, is_exact: bool) -> None:
    def ask(n: int, seed: int) -> list[str]:
        answer = client.chat.completions.create(
            model=MODEL,
            messages=user("Tell me a story."),
            n=n,
            seed=seed,
            temperature=1.5,
            max_tokens=30,
        )
        return [choice.message.content or "" for choice in answer.choices]

    four = ask(4, 7)
    assert len(set(four)) > 1
    assert ask(4, 8) != four
    if is_exact:
        assert ask(1, 7) == four[:1]
        assert ask(4, 7) == four


def test_several_conversations_in_one_request(server: RunningServer) -> None:
    body = {
        "model": MODEL,
        "messages": [user(FRANCE), user("What is the capital of Italy?")],
        "n": 2,
    }
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body).json()
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert ["Paris" in text for text in texts] == [True, True, False, False]
    assert ["Rome" in text for text in texts] == [False, False, True, True]


def test_the_context_is_checked_before_work_starts(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=MODEL, messages=user("word " * 6000), stream=True)
    assert error.value.code == "context_length_exceeded"
    assert error.value.param == "messages"


def test_length_is_told_honestly(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=user("Count from 1 to 200."), max_tokens=10
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 10


def test_a_template_argument_of_the_model_reaches_it(client: openai.OpenAI) -> None:
    def ask(thinking: bool) -> object:
        answer = client.chat.completions.create(
            model=MODEL,
            messages=user(FRANCE),
            extra_body={"chat_template_kwargs": {"enable_thinking": thinking}},
        )
        return getattr(answer.choices[0].message, "reasoning_content", None)

    assert ask(True)
    assert ask(False) is None
