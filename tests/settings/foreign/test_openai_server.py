"""mlx-openai-server's YAML."""

from pathlib import Path

import pytest

from pippin.output.families.table import choose
from pippin.settings.errors import BadSettings
from pippin.settings.foreign.openai_server import PARSERS
from pippin.settings.layers import InForce, gather

FILE = """
server:
  host: "127.0.0.1"
  port: 8000
  log_level: INFO
  log_file: logs/app.log
models:
  - model_path: mlx-community/MiniMax-M2.5-4bit
    model_type: lm
    served_model_name: Minimax-M2.5
    enable_auto_tool_choice: true
    tool_call_parser: minimax_m2
    reasoning_parser: minimax_m2
    trust_remote_code: true
  - model_path: ./here
    on_demand: true
    on_demand_idle_timeout: 120
    context_length: 8192
    queue_timeout: 30
    queue_size: 7
    kv_bits: 8
    prompt_cache_size: 5
    prompt_cache_max_bytes: 9223372036854775808
    prompt_cache_dir: cache
    default_temperature: 0.2
    disable_batching: true
  - model_path: org/third
    on_demand: true
"""


def force(folder: Path, text: str) -> InForce:
    path = folder / "config.yaml"
    path.write_text(text)
    return gather({"config": path}, {})


def test_a_file(tmp_path: Path) -> None:
    found = force(tmp_path, FILE)
    one, two, three = found.settings.models
    assert (one.name, one.model, one.load) == (
        "Minimax-M2.5",
        "mlx-community/MiniMax-M2.5-4bit",
        "start",
    )
    assert (one.tool_parser, one.ttl_s) == ("minimax_m2", None)
    assert (two.model, two.load, two.ttl_s) == (str(tmp_path / "here"), "demand", 120)
    assert (two.context_length, two.queue_timeout_s, two.queue_size) == (8192, 30, 7)
    assert (two.kv_bits, two.cache_slots, two.cache_ram, two.max_lanes) == (8, 5, None, 1)
    assert two.temperature == 0.2
    assert (three.load, three.ttl_s) == ("demand", 60)
    assert found.settings.cache_dir == tmp_path / "cache"
    assert [note.split(":")[1] for note in found.notes] == ["6", "13", "14"]


@pytest.mark.parametrize("kind", ["image-generation", "embeddings", "whisper"])
def test_models_that_do_not_write_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadSettings, match=r":2: models\[0\]: 'model_type' cannot be used"):
        force(tmp_path, f"models:\n- {{model_path: a/b, model_type: {kind}}}")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- model_path: a/b\n  served_name: x", 3, "did you mean 'served_model_name'?"),
        ("- model_path: a/b\n  default_seed: 0", 3, "send it with each"),
        ("- model_path: a/b\n  chat_template_file: x.jinja", 3, "chat_template.jinja"),
        ("- model_path: a/b\n  kv_bits: 3", 3, "models[0].kv_bits: "),
        ("- model_path: a/b\n- {}", 3, "'model_path' is missing"),
        (
            "- {model_path: a/b, prompt_cache_dir: x}\n- {model_path: c/d, prompt_cache_dir: y}",
            3,
            "all models share one folder; see line 2",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        force(tmp_path, f"models:\n{text}")
    assert f":{line}: " in caught.value.problems[0]
    assert says in caught.value.problems[0]


def test_an_unknown_section(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r":1: there is no setting 'defaults'"):
        force(tmp_path, "defaults: {}\nmodels:\n- model_path: a/b")


def test_what_asks_for_nothing_is_let_be(tmp_path: Path) -> None:
    text = """
models:
- model_path: a/b
  lora_paths: null
  default_presence_penalty: 0.0
  num_draft_tokens: 2
  kv_group_size: 64
  debug: false
"""
    assert force(tmp_path, text).notes == ()


def test_every_parser_is_a_family_here() -> None:
    for name in PARSERS.values():
        assert choose(None, name).name == name
