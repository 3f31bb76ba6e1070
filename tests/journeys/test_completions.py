"""The legacy endpoint: raw prompts, several prompts, echo, log-probabilities, tokens."""

import math

import httpx
import openai
import pytest

from tests.journeys.server import RunningServer, mlx_only

MODEL = "demo"
PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


def test_prompts_in_every_form_give_the_same(
    client: openai.OpenAI, server: RunningServer, is_exact: bool
) -> None:
    tokens = httpx.post(f"{server.url}/v1/tokenize", json={"prompt": PROMPT}).json()["tokens"]
    answers = [
        client.completions.create(model=MODEL, prompt=prompt, max_tokens=12)
        for prompt in (PROMPT, [PROMPT], tokens, [tokens])
    ]
    assert {answer.usage and answer.usage.prompt_tokens for answer in answers} == {len(tokens)}
    texts = [answer.choices[0].text for answer in answers]
    assert all(texts)
    assert len(set(texts)) == 1 or not is_exact
    back = httpx.post(f"{server.url}/v1/detokenize", json={"tokens": tokens}).json()
    assert back["prompt"] == PROMPT


def test_many_prompts_with_many_choices(client: openai.OpenAI, is_exact: bool) -> None:
    prompts = [PROMPT, PROMPT.replace("France", "Italy")]
    answer = client.completions.create(model=MODEL, prompt=prompts, n=2, max_tokens=40)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].text == answer.choices[1].text or not is_exact
    assert answer.choices[0].text != answer.choices[2].text


def test_default_is_sixteen_tokens(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt=PROMPT.replace("What is the capital of France?", "Count to 50.")
    )
    assert answer.usage
    assert answer.usage.completion_tokens == 16


@mlx_only
def test_best_of_returns_the_likeliest(client: openai.OpenAI) -> None:
    def ask(n: int, best_of: int) -> openai.types.Completion:
        return client.completions.create(
            model=MODEL,
            prompt="The ",
            max_tokens=8,
            temperature=1.5,
            seed=3,
            logprobs=0,
            n=n,
            best_of=best_of,
        )

    everyone = ask(6, 6)
    best = ask(2, 6)

    def mean_logprob(choice: openai.types.CompletionChoice) -> float:
        assert choice.logprobs
        values = [value for value in choice.logprobs.token_logprobs or [] if value is not None]
        return sum(values) / len(values)

    ranked = sorted(everyone.choices, key=mean_logprob, reverse=True)
    assert [choice.text for choice in best.choices] == [choice.text for choice in ranked[:2]]


def test_echo_scores_the_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt=PROMPT, echo=True, logprobs=2, max_tokens=0
    )
    choice = answer.choices[0]
    assert choice.text == PROMPT
    assert choice.logprobs
    values: list[float | None] = list(choice.logprobs.token_logprobs or [])
    assert values[0] is None
    assert all(value is not None and value <= 0 for value in values[1:])
    assert "".join(choice.logprobs.tokens or []) == PROMPT
    assert answer.usage
    assert len(choice.logprobs.tokens or []) == answer.usage.prompt_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_echo_without_scores(client: openai.OpenAI, stream: bool) -> None:
    answer = client.completions.create(
        model=MODEL, prompt=PROMPT, echo=True, max_tokens=5, stream=stream
    )
    text = (
        "".join(chunk.choices[0].text for chunk in answer)
        if isinstance(answer, openai.Stream)
        else answer.choices[0].text
    )
    assert text.startswith(PROMPT)
    assert len(text) > len(PROMPT)


def test_logprobs_are_those_of_a_distribution(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt="The ", max_tokens=6, logprobs=20, temperature=1.0, seed=1
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs
    for place in logprobs.top_logprobs or []:
        assert sum(math.exp(value) for value in place.values()) <= 1.0001


def test_logit_bias_steers(client: openai.OpenAI, server: RunningServer) -> None:
    token = httpx.post(f"{server.url}/v1/tokenize", json={"prompt": "x"}).json()["tokens"][0]
    answer = client.completions.create(
        model=MODEL, prompt="The ", max_tokens=5, logit_bias={str(token): 100}
    )
    assert answer.choices[0].text == "xxxxx"


def test_token_count_as_mlx_gguf_server_gives_it(server: RunningServer) -> None:
    def count(body: dict[str, object]) -> int:
        answer = httpx.post(f"{server.url}/v1/internal/token-count", json=body)
        return int(answer.json()["length"])

    assert count({"prompt": "x"}) == 1
    assert count({"messages": [{"role": "user", "content": "x"}]}) > 5
