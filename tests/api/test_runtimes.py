"""What only some runtimes can do: honoured there, refused by name elsewhere."""

from typing import Any

import msgspec
import pytest

from pippin.api.capabilities import parameters_of
from pippin.api.chat import ChatBody
from pippin.api.completions import CompletionBody
from pippin.api.generation import GenerationFields, resolved_sampling
from pippin.api.validation import validated
from pippin.core.model import ModelInfo
from pippin.errors import InvalidRequest, UnsupportedParameter

GGUF = ModelInfo(
    architecture="qwen3", context_length=64, vocab_size=100, fingerprint="fp", runtime="llama.cpp"
)
NAMES = ("mirostat", "mirostat_mode", "mirostat_tau", "mirostat_eta")
MLX = msgspec.structs.replace(GGUF, runtime="mlx", refused=NAMES)


def body(**fields: Any) -> GenerationFields:
    return validated(CompletionBody, {"prompt": "hello", **fields})


def test_mirostat_arrives() -> None:
    sampling = resolved_sampling(body(mirostat_mode=2, mirostat_tau=3.5, mirostat_eta=0.2), GGUF)
    found = sampling.mirostat_mode, sampling.mirostat_tau, sampling.mirostat_eta
    assert found == (2, 3.5, 0.2)
    assert resolved_sampling(body(mirostat=1), GGUF).mirostat_mode == 1
    assert resolved_sampling(body(), GGUF).mirostat_mode == 0


def test_its_two_names_must_agree() -> None:
    assert body(mirostat=1, mirostat_mode=1)
    with pytest.raises(InvalidRequest, match="mirostat and mirostat_mode differ"):
        body(mirostat=1, mirostat_mode=2)


@pytest.mark.parametrize("name", NAMES)
def test_others_refuse_it_by_name(name: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        resolved_sampling(body(**{name: 1}), MLX)
    assert caught.value.param == name
    assert name in caught.value.message


def test_what_asks_for_nothing_is_no_error() -> None:
    assert resolved_sampling(body(mirostat_mode=0, mirostat=0), MLX).mirostat_mode == 0


@pytest.mark.parametrize("route", [ChatBody, CompletionBody])
def test_capabilities_tell(route: type[GenerationFields]) -> None:
    of_mlx, of_gguf = parameters_of(route, NAMES), parameters_of(route)
    assert {of_mlx[name].support for name in NAMES} == {"refused"}
    assert {of_gguf[name].support for name in NAMES} == {"honoured"}
    assert parameters_of(route, ["never_heard_of"]) == of_gguf
