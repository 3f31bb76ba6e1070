"""Log-probabilities against mlx-lm's own computation, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import openai
import pytest

from pippin import demo

OWN = """
import json, sys
from pippin.models.blas import load_blas
load_blas(1)
import mlx.core as mx
from mlx_lm import load, stream_generate
from mlx_lm.utils import dequantize_model
model, tokenizer = load(sys.argv[1])
model.set_dtype(mx.float32)
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": sys.argv[2]}], add_generation_prompt=True, enable_thinking=False
)
steps = [
    {"token": r.token, "logprob": r.logprobs[r.token].item(),
     "top": sorted(r.logprobs.tolist(), reverse=True)[:5]}
    for r in stream_generate(model, tokenizer, prompt, max_tokens=24)
]
print(json.dumps({"steps": steps, "eos": sorted(tokenizer.eos_token_ids)}))
"""
NEAR = {"demo": 2e-3, "demo-gguf": 0.3}
"""The latter has weights of 8 bits."""


@pytest.fixture(scope="session")
def own() -> Callable[[str], dict[str, Any]]:
    """What mlx-lm computes for a question."""

    @cache
    def compute(question: str) -> dict[str, Any]:
        printed = subprocess.run(
            [sys.executable, "-c", OWN, str(demo.MODELS["demo"]), question],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found

    return compute


@pytest.mark.parametrize("question", ["Tell me a story.", "What is the capital of Japan?"])
@pytest.mark.parametrize("stream", [False, True])
def test_greedy_logprobs_agree_with_mlx_lm(
    client: openai.OpenAI,
    default_model: str,
    own: Callable[[str], dict[str, Any]],
    question: str,
    stream: bool,
) -> None:
    computed = own(question)
    expected = [step for step in computed["steps"] if step["token"] not in computed["eos"]]
    answer = client.chat.completions.create(
        model="demo",
        messages=[{"role": "user", "content": question}],
        max_tokens=24,
        temperature=0,
        logprobs=True,
        top_logprobs=5,
        stream=stream,
    )
    parts = (
        [chunk.choices[0].logprobs for chunk in answer]
        if isinstance(answer, openai.Stream)
        else [answer.choices[0].logprobs]
    )
    entries = [entry for part in parts if part for entry in part.content or []]
    assert len(entries) == len(expected)
    for entry, step in zip(entries, expected, strict=True):
        assert entry.logprob == pytest.approx(step["logprob"], abs=NEAR[default_model])
        for top, value in zip(entry.top_logprobs, step["top"], strict=True):
            assert top.logprob == pytest.approx(value, abs=NEAR[default_model])
        assert bytes(entry.bytes or []).decode(errors="replace") == entry.token
