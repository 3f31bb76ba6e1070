"""What is known of a model's folder without loading it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin import demo
from pippin.formats.errors import BadModelFile
from pippin.formats.folder import facts_of, is_model_folder
from tests.formats.files import CONFIG, SMALL, model_folder, safetensors_bytes


def test_the_demo_model() -> None:
    facts = facts_of(demo.MODELS["demo"])
    assert (facts.kind, facts.architecture, facts.context_length) == ("language", "qwen3", 4096)
    assert (facts.dtype, facts.quantisation) == ("bfloat16", None)
    assert facts.parameters is not None
    assert facts.weights_bytes > 2 * facts.parameters
    assert (facts.chat_template, facts.thinking, facts.tools) == (True, True, True)
    assert is_model_folder(demo.MODELS["demo"])


def test_quantised_weights_are_counted_unpacked(tmp_path: Path) -> None:
    weights = safetensors_bytes(
        {
            "a.weight": ("U32", [8, 16], 512),  # 4 bits: 8 rows of 128
            "a.scales": ("BF16", [8, 2], 32),
            "a.biases": ("BF16", [8, 2], 32),
            "b.weight": ("U32", [8, 32], 1024),  # 8 bits: 8 rows of 128, in groups of 32
            "b.scales": ("BF16", [8, 4], 64),
            "b.biases": ("BF16", [8, 4], 64),
            "norm.weight": ("BF16", [128], 256),
        }
    )
    quantisation = {"bits": 4, "group_size": 64, "b": {"bits": 8, "group_size": 32}}
    folder = model_folder(tmp_path / "m", {**CONFIG, "quantization": quantisation}, weights)
    facts = facts_of(folder)
    assert facts.parameters == 8 * 128 + 8 * 128 + 128
    assert facts.quantisation == "4 bits, groups of 64"
    assert facts.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "language"),
        ({"model_type": "llama"}, "language"),
        ({"model_type": "gemma3", "vision_config": {}}, "vision"),
        ({"model_type": "bert", "architectures": ["BertModel"]}, "embedding"),
        (
            {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]},
            "unknown",
        ),
        ({}, "unknown"),
        ({"model_type": ["a"], "architectures": 7, "text_config": 3}, "unknown"),
    ],
)
def test_kinds(tmp_path: Path, config: dict[str, object], kind: str) -> None:
    assert facts_of(model_folder(tmp_path / "m", config)).kind == kind


def test_models_of_sentences_are_for_embeddings(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "modules.json").write_text("[]")
    assert facts_of(folder).kind == "embedding"


def test_the_context_of_a_text_model_within(tmp_path: Path) -> None:
    config = {"model_type": "x", "text_config": {"max_position_embeddings": 77}}
    assert facts_of(model_folder(tmp_path / "m", config)).context_length == 77
    strange = {"model_type": "x", "max_position_embeddings": True}
    assert facts_of(model_folder(tmp_path / "n", strange)).context_length is None


def test_a_missing_part_is_told(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BadModelFile, match=r"00002-of-00002.* is missing"):
        facts_of(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"[]"),
        ("config.json", b"{"),
        ("config.json", b"\xff{}"),
        ("config.json", b"[" * 200_000),
        ("config.json", b"{" + b" " * 10_485_760 + b"}"),
        ("model.safetensors", SMALL[:-1]),
        ("tokenizer_config.json", b"7"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / name).write_bytes(content)
    with pytest.raises(BadModelFile, match=name):
        facts_of(folder)


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match=r"config\.json"):
        facts_of(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert not is_model_folder(tmp_path)
    with pytest.raises(BadModelFile, match="no weights"):
        facts_of(tmp_path)
    assert not is_model_folder(tmp_path / "nothing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
READ = ("model_type", "architectures", "text_config", "quantization", "max_position_embeddings")


@given(st.dictionaries(st.sampled_from(READ), JSON))
def test_any_configuration_gives_facts(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, object]
) -> None:
    folder = model_folder(tmp_path_factory.mktemp("any") / "m", config)
    facts = facts_of(folder)
    assert facts.architecture.isprintable()
    assert facts.weights_bytes == len(SMALL)
