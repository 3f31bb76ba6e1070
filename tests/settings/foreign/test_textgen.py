"""MLX-Textgen's configurations of both ages."""

from pathlib import Path

import pytest

from pippin.settings import Settings
from pippin.settings.errors import BadSettings
from pippin.settings.layers import InForce, gather

LIST = """
- model_id_or_path: NousResearch/Hermes-3-Llama-3.1-8B
  tokenizer_id_or_path: null
  adapter_path: null
  quant: q8
  revision: null
  model_name: null
  model_config: null
  tokenizer_config: null
- model_id_or_path: mlx-community/Llama-3.2_3B-Instruct-4bit
  adapter_path: adapters/My_Tone
  quant: fp16
  revision: abc
- model_id_or_path: ./here
  quant: q4
  model_name: mine
"""
NEWER = """
model_configs:
- model_id_or_path: mlx-community/Qwen3_4B-4bit
  tokenizer_repo_or_path: null
  model_kwargs: {revision: v1}
  tokenizer_kwargs: null
  model_name: null
  enable_cache: false
  preprocess_batch_size: 512
  extra_stop_words: null
  reasoning_parser: deepseek_r1
  default_template: null
host: 127.0.0.1
port: 5001
api_keys: [one, two]
min_tokens: 20
max_reprocess_tokens: 250
replace_threshold: 0.95
max_capacity: 50
use_reasoning_content: false
"""


def force(folder: Path, text: str) -> InForce:
    path = folder / "model_configs.yaml"
    path.write_text(text)
    return gather({"config": path}, {})


def test_a_list(tmp_path: Path) -> None:
    found = force(tmp_path, LIST)
    one, two, three = found.settings.models
    assert (one.name, one.model) == (
        "hermes-3-llama-3.1-8b-q8",
        "NousResearch/Hermes-3-Llama-3.1-8B",
    )
    assert (one.quantize, one.load) == ("q8", "demand")
    assert two.name == "llama-3.2-3b-instruct-4bit-my-tone"
    assert two.model == "mlx-community/Llama-3.2_3B-Instruct-4bit@abc"
    assert two.adapters == {"my-tone": tmp_path / "adapters/My_Tone"}
    assert two.default_adapter == "my-tone"
    assert (three.name, three.model) == ("mine", str(tmp_path / "here"))
    assert (found.notes, found.settings.port) == ((), Settings().port)


def test_a_single_map_is_loaded_with_the_server(tmp_path: Path) -> None:
    (model,) = force(tmp_path, "model_id_or_path: /models/Big_One/\nquant: q4").settings.models
    assert (model.name, model.model, model.load) == ("big-one-q4", "/models/Big_One", "start")


def test_the_newer_map(tmp_path: Path) -> None:
    found = force(tmp_path, NEWER)
    (model,) = found.settings.models
    assert (model.name, model.model) == ("qwen3-4b", "mlx-community/Qwen3_4B-4bit@v1")
    assert model.cache_ram == 0
    settings = found.settings
    assert (settings.port, settings.cache_min_tokens, settings.cache_slots) == (5001, 20, 50)
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert [note.split(":")[1] for note in found.notes] == ["20", "11"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- model_id_or_path: a/b\n  quantize: q4", 2, "did you mean 'quant'?"),
        ("- model_id_or_path: a/b\n  tokenizer_id_or_path: c/d", 2, "read from its own folder"),
        ("- model_id_or_path: a/b\n  model_config: {x: 1}", 2, "as its own config.json says"),
        ("- model_id_or_path: a/b\n  quant: q5", 2, "models[0].quantize: "),
        ("- model_id_or_path: a/b\n- quant: q4", 2, "'model_id_or_path' is missing"),
        ("- model_id_or_path: a/b\n- 3", 2, "'model_id_or_path' is missing"),
        ("model_configs: []", 1, "write a list of models"),
        ("model_configs:\n- model_id_or_path: a/b\nprot: 1", 3, "did you mean 'port'?"),
        (
            "model_configs:\n- model_id_or_path: a/b\n  model_kwargs: {lazy: 1}",
            3,
            "'lazy' in 'model_kwargs' cannot be used",
        ),
        (
            "model_configs:\n- model_id_or_path: a/b\n  extra_stop_words: [x]",
            3,
            "send them as 'stop'",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        force(tmp_path, text)
    assert f":{line}: " in caught.value.problems[0]
    assert says in caught.value.problems[0]


def test_one_tokenizer_for_itself_is_none(tmp_path: Path) -> None:
    text = "model_id_or_path: a/b\ntokenizer_id_or_path: a/b\nmodel_config: {}"
    assert force(tmp_path, text).settings.models[0].name == "b"
