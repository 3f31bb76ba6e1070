"""What is known of a GGUF file without loading it."""

from pathlib import Path

import pytest

from pippin.formats.errors import BadModelFile
from pippin.formats.folder import facts_of
from pippin.formats.gguf_facts import gguf_parts
from tests.formats.gguf_writer import STRING, entry, tensor, whole

UINT32, F32, Q8_0 = 4, 0, 8
TENSORS = [tensor("w", (32, 2), Q8_0, 0), tensor("v", (8,), F32, 96)]
DATA = bytes(96 + 32)


def gguf(*entries: bytes) -> bytes:
    return whole([entry("general.architecture", STRING, "qwen3"), *entries], TENSORS, DATA)


def test_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    template = entry("tokenizer.chat_template", STRING, "{{ messages }} <think>")
    path.write_bytes(gguf(entry("qwen3.context_length", UINT32, 4096), template))
    facts = facts_of(path)
    assert (facts.kind, facts.architecture, facts.context_length) == ("gguf", "qwen3", 4096)
    assert (facts.quantisation, facts.dtype, facts.parameters) == ("q8_0", None, 72)
    assert facts.weights_bytes == path.stat().st_size
    assert (facts.chat_template, facts.thinking, facts.tools) == (True, True, False)


def test_what_a_file_does_not_say(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(whole([entry("general.architecture", UINT32, 3)]))
    facts = facts_of(path)
    assert (facts.architecture, facts.context_length, facts.quantisation) == ("", None, None)
    assert not facts.chat_template


def test_plain_weights_have_a_type_and_no_quantisation(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(whole([], [tensor("w", (8, 4), F32, 0)], bytes(128)))
    assert (facts_of(path).dtype, facts_of(path).quantisation) == ("float32", None)


def test_parts_count_together(tmp_path: Path) -> None:
    first, second = (tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2))
    first.write_bytes(gguf())
    with pytest.raises(BadModelFile, match=r"m-00002-of-00002\.gguf"):
        facts_of(first)
    second.write_bytes(gguf())
    assert facts_of(first).parameters == 144
    assert facts_of(first).weights_bytes == 2 * len(gguf())
    with pytest.raises(BadModelFile, match="first part"):
        facts_of(second)
    assert gguf_parts(first) == [first, second]
