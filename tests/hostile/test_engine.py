"""Rows 77 to 79, 81, 83 to 85: a model that fails, hangs, or gives no numbers, and work without
end. What fails is one request, or one worker, and says so once."""

import concurrent.futures
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hostile import serve_faulty
from tests.hostile.conftest import Canary
from tests.hostile.expect import failure, refusal
from tests.hostile.faulty_worker import (
    BREAK,
    CONTROL_THREAD,
    HANG,
    HANGS,
    LARGEST_PASS,
    NO_NUMBERS,
    ONCE,
    RAISE,
    THREAD,
)
from tests.journeys.server import RunningServer, serving

TEXT = "/v1/completions"
pytestmark = pytest.mark.timeout(240)  # most start a server of their own

FAULTY = (sys.executable, str(Path(serve_faulty.__file__)))
LARGEST_CPU_PASS = 512
"""Prompt tokens of one pass, whatever is asked: four times a step's budget while many wait."""
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def faulty() -> Iterator[RunningServer]:
    """A server whose model does harm on request; ``other`` is a second one, for bystanders."""
    arguments = ("demo", "other=demo", "--cache-slots=1")
    with serving(*arguments, program=FAULTY) as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


def words(count: int, seed: int = 0) -> list[int]:
    """Harmless tokens."""
    return random.Random(seed).choices(range(300, 1500), k=count)


def ask(url: str, prompt: list[int], **fields: Any) -> httpx.Response:
    body = {"model": "demo", "prompt": prompt, "max_tokens": 8, "temperature": 0} | fields
    return httpx.post(url + TEXT, json=body, timeout=90)


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["text"])


@pytest.mark.parametrize("harm", [RAISE, NO_NUMBERS])
@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"stream": True}, {"echo": True, "logprobs": 1}])
def test_row_77_a_prompt_that_the_model_fails_on(
    faulty: RunningServer, server_url: str, harm: int, fields: dict[str, Any]
) -> None:
    """The canary decodes on the same model: it is not even interrupted."""
    with Canary(faulty.url) as canary:
        canary.must_sing()
        for length in (1, 400):
            prompt = [*words(length), harm, *words(3)]
            assert failure(ask(faulty.url, prompt, **fields), 500)["code"] == "engine_failure"
            canary.must_sing()
        good = words(50)
        assert text_of(ask(faulty.url, good)) == text_of(ask(server_url, good))


def test_row_77_a_decode_step_that_raises(faulty: RunningServer, server_url: str) -> None:
    """The token that does harm is said by the model itself, so it is taken in by the step that
    everybody shares. Whoever is in that step is gone on with, as often as a death allows."""
    says_it = {"logit_bias": {str(RAISE): 100}}
    with Canary(faulty.url) as victim, Canary(faulty.url, "other") as canary:
        victim.must_sing()
        for stream in (False, True):
            failure(ask(faulty.url, words(5), stream=stream, **says_it), 500)
            victim.must_sing_on("engine_failure")
        canary.must_sing()
    assert text_of(ask(faulty.url, words(50))) == text_of(ask(server_url, words(50)))
    assert httpx.get(f"{faulty.url}/health/ready").status_code == 200


def test_row_78_a_model_that_always_fails_is_given_up() -> None:
    """Each request is tried three times, no more; then the worker ends, and the next one, which
    has not read what did the harm, answers. The neighbour notices nothing of it."""
    with serving("demo", "other=demo", program=FAULTY) as server:
        with Canary(server.url, "other") as canary:
            canary.must_sing()
            failure(ask(server.url, [BREAK, *words(3)]), 500)
            codes = [ask(server.url, words(5)).status_code for _ in range(20)]
            assert set(codes) <= {200, 500, 503}
            assert codes[-1] == 200
            canary.must_sing()
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        tries = sum("RuntimeError: planted failure" in line for line in server.log)
    assert tries <= 21, "a broken engine goes on"


def test_row_79_a_pass_that_never_ends() -> None:
    """No token is delivered while there is work: the worker is ended, and so are two more that try
    the same again. Who waits beside may be answered by one of them."""
    with serving("demo", "other=demo", "--stall-timeout=2", program=FAULTY) as server:
        with concurrent.futures.ThreadPoolExecutor() as pool, Canary(server.url, "other") as canary:
            canary.must_sing()
            hung = [
                pool.submit(ask, server.url, [HANG, *words(3)], stream=stream)
                for stream in (False, True)
            ]
            while not any(HANGS in line for line in server.log):
                canary.must_sing()
            beside = [pool.submit(ask, server.url, words(n), stream=n < 10) for n in (9, 2000)]
            for future in hung:
                assert failure(future.result(), 503)["code"] == "model_unavailable"
            assert {future.result().status_code for future in beside} <= {200, 503}
            canary.must_sing()
        refusal(ask(server.url, words(3)), 503)
        assert httpx.get(f"{server.url}/health/ready").status_code == 503
        assert any("did nothing for 2 seconds" in line for line in server.log)
        server.wait_until_ready()
        text_of(ask(server.url, words(3)))


def rss(server: RunningServer) -> int:
    return sum(worker.memory_info().rss for worker in server.workers)


def test_row_81_caches_stay_within_their_budget() -> None:
    """Six times 16 long answers would need some 450 MiB at once; they take turns."""
    with serving("--memory=96MiB", "--cache-ram=8MiB", "--cache-disk=0") as server:
        refusal(ask(server.url, words(3000), n=12), 400)
        text_of(ask(server.url, words(10)))
        before, most = rss(server), 0
        with concurrent.futures.ThreadPoolExecutor() as pool, Canary(server.url) as canary:
            fields = {"max_tokens": 16, "ignore_eos": True, "temperature": 1, "n": 16}
            asked = [pool.submit(ask, server.url, words(500, i), **fields) for i in range(6)]
            while concurrent.futures.wait(asked, timeout=0.05).not_done:
                most = max(most, rss(server))
            assert {future.result().status_code for future in asked} == {200}
            canary.must_sing()
        figures = httpx.get(f"{server.url}/v1/cache").json()["data"][0]["figures"]
    assert most - before < 220 * MIB
    assert 0 < figures["ram_bytes"] <= figures["ram_budget_bytes"] <= 8 * MIB


def test_row_83_no_pass_is_long(faulty: RunningServer) -> None:
    with concurrent.futures.ThreadPoolExecutor(32) as pool, Canary(faulty.url) as canary:
        prompts = [words(3900), *(words(120, number) for number in range(31))]
        asked = [pool.submit(ask, faulty.url, prompt) for prompt in prompts]
        canary.must_sing()
        assert {future.result().status_code for future in asked} == {200}
    found = [re.search(rf"{LARGEST_PASS} (\d+) ", line) for line in faulty.log]
    sizes = [int(match[1]) for match in found if match]
    assert 100 < max(sizes) <= LARGEST_CPU_PASS


def test_row_84_one_thread_owns_mlx(faulty: RunningServer) -> None:
    """Whatever is asked: text, memory in RAM and on disk, figures, and clients that leave."""
    url, prompt = faulty.url, words(200)
    for number in range(4):
        text_of(ask(url, [*prompt, *words(40, number)]))
        text_of(ask(url, words(300, 10 + number)))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url + TEXT, json={"prompt": prompt, "max_tokens": 3000}, timeout=0.3)
    assert httpx.post(f"{url}/v1/tokenize", json={"prompt": "a b c"}).status_code == 200
    assert httpx.post(f"{url}/v1/detokenize", json={"tokens": prompt}).status_code == 200
    figures = httpx.get(f"{url}/v1/cache").json()["data"][0]["figures"]
    assert figures["disk_records"] > 0
    assert httpx.delete(f"{url}/v1/cache").status_code == 200
    found = [re.search(rf"{THREAD} (.+)\.$", line) for line in faulty.log]
    assert {match[1] for match in found if match} == {"engine", CONTROL_THREAD}


def test_row_85_a_failure_poisons_nothing_that_is_remembered(
    faulty: RunningServer, server_url: str
) -> None:
    """Requests share a prefix with one whose caches hold no numbers; all come several times."""
    system = words(200, 5)
    good = [[*system, *words(40, number)] for number in range(3)]
    bad = [[*system, NO_NUMBERS, *words(40)], [*good[0], NO_NUMBERS, *words(40)]]
    right = [text_of(ask(server_url, prompt)) for prompt in good]
    for _ in range(3):
        assert [text_of(ask(faulty.url, prompt)) for prompt in good] == right
        for prompt in bad:
            failure(ask(faulty.url, prompt), 500)
            failure(ask(faulty.url, prompt, stream=True), 500)
    assert [text_of(ask(faulty.url, [*prompt, 700])) for prompt in good] == [
        text_of(ask(server_url, [*prompt, 700])) for prompt in good
    ]


def test_row_85_what_failed_once_is_computed_anew(faulty: RunningServer, server_url: str) -> None:
    """The caches of a long prompt that gave no numbers may have been remembered by then."""
    prompt = [*words(200, 6), ONCE, *words(400, 7)]
    for asked in (prompt, [*prompt, 700]):
        assert text_of(ask(faulty.url, asked)) == text_of(ask(server_url, asked))
