"""Folders → models, and broken folders → one clear reason. Needs mlx in this process."""

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_lm import convert

from pippin import demo
from pippin.models.digest import digest_of
from pippin.models.errors import CannotLoad
from pippin.models.load import LoadedModel, load
from tests.random_model import make_random_model


def loaded(folder: Path, *, keep_dtype: bool = False) -> LoadedModel:
    return load(folder, keep_dtype=keep_dtype, progress=lambda *_: None)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the demo, to be damaged."""
    return Path(shutil.copytree(demo.MODELS["demo"], tmp_path / "copy"))


def test_the_demo() -> None:
    progress: list[tuple[str, int, int]] = []
    model = load(demo.MODELS["demo"], keep_dtype=False, progress=lambda *p: progress.append(p))
    assert (model.architecture, model.context_length, model.dtype) == ("qwen3", 4096, "float32")
    assert model.chat_template
    assert model.defaults.temperature == 0.0
    assert len(model.eos) == 2
    assert progress[-1][1] == progress[-1][2] > 0


def test_weights_can_be_kept_as_they_are() -> None:
    assert loaded(demo.MODELS["demo"], keep_dtype=True).dtype == "bfloat16"


def test_a_quantised_model_is_served_in_float32(tmp_path: Path) -> None:
    convert(str(demo.MODELS["demo"]), mlx_path=str(tmp_path / "q4"), quantize=True, q_bits=4)
    assert loaded(tmp_path / "q4", keep_dtype=True).dtype == "quantised"
    assert loaded(tmp_path / "q4").dtype == "float32"


def test_a_tokenizer_that_cuts_or_pads_is_told_not_to(copy: Path) -> None:
    state = json.loads((copy / "tokenizer.json").read_text())
    state["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    state["padding"] = {
        "strategy": {"Fixed": 50},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<|endoftext|>",
    }
    (copy / "tokenizer.json").write_text(json.dumps(state))
    tokenizer = loaded(copy).tokenizer
    lengths = [len(e.ids) for e in tokenizer.encode_batch(["a", "a b c d e f g h i j k l"])]
    assert lengths[0] == 1
    assert lengths[1] > 10


@pytest.mark.parametrize("eos", ["<|im_end|>", 1527.0, [1, "x", 10**6, -1], True, {"a": 1}])
def test_an_end_of_text_that_is_no_token_is_left_out(copy: Path, eos: object) -> None:
    (copy / "generation_config.json").write_text(json.dumps({"eos_token_id": eos}))
    model = loaded(copy)
    assert all(0 <= token < model.vocab_size for token in model.eos)
    assert model.eos


def test_the_fingerprint_is_of_the_content(copy: Path, tmp_path: Path) -> None:
    original = digest_of(demo.MODELS["demo"])
    assert digest_of(copy) == original
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert digest_of(copy) != original
    assert digest_of(make_random_model(tmp_path / "noise")) != original


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"it has no config\.json"):
        loaded(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "\x00", '{"model_type": "no_such_architecture"}'])
def test_a_broken_configuration(copy: Path, content: str) -> None:
    (copy / "config.json").write_text(content)
    with pytest.raises(CannotLoad):
        loaded(copy)


def test_missing_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(CannotLoad, match="cannot be loaded"):
        loaded(copy)


def test_truncated_weights(copy: Path) -> None:
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CannotLoad):
        loaded(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "model-00002-of-00002.safetensors"])
def test_native_code_sees_no_weights_that_were_not_checked(copy: Path, name: str) -> None:
    header = b'{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4]}}'
    (copy / name).write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    with pytest.raises(CannotLoad, match="another size than its shape"):
        loaded(copy)


def test_pickled_weights_are_never_read(copy: Path, tmp_path: Path) -> None:
    canary = tmp_path / "touched"
    (copy / "model.safetensors").unlink()
    evil = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
    for name in ("pytorch_model.bin", "model.pt", "model.pkl", "tokenizer.bin", "adapters.npz"):
        (copy / name).write_bytes(evil)
    with pytest.raises(CannotLoad):
        loaded(copy)
    assert not canary.exists()


def test_a_missing_tokenizer(copy: Path) -> None:
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(CannotLoad, match="tokenizer"):
        loaded(copy)


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    folder = make_random_model(tmp_path / "nan")
    weights: Any = mx.load(str(folder / "model.safetensors"))
    weights["model.norm.weight"] = weights["model.norm.weight"] * float("nan")
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    with pytest.raises(CannotLoad, match="no finite numbers"):
        loaded(folder)


def test_code_that_comes_with_a_model_is_not_run(copy: Path, tmp_path: Path) -> None:
    canary = tmp_path / "touched"
    (copy / "evil.py").write_text(f"open({str(canary)!r}, 'w')\nModel = ModelArgs = None\n")
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_file": "evil.py", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    (copy / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((copy / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": ["evil.Tokenizer", None]}
    (copy / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    with contextlib.suppress(CannotLoad):
        loaded(copy)
    assert not canary.exists()
