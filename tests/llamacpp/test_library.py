"""The library is the one whose structures are known, or it is refused."""

import ctypes
import importlib.metadata
import importlib.util
from typing import Any

import pytest

from pippin.llamacpp import library as subject
from pippin.llamacpp.library import Batch, ContextParams, ModelParams, library
from pippin.models.errors import CannotLoad


def test_its_defaults_are_those_of_its_release() -> None:
    native = library()
    params = native.llama_context_default_params()
    assert (params.n_ctx, params.n_threads > 0, params.ctx_other) == (512, True, None)
    assert native.llama_model_default_params().progress_callback_user_data is None


def test_structures_are_as_large_as_a_compiler_makes_them() -> None:
    sizes = [ctypes.sizeof(structure) for structure in (ModelParams, ContextParams, Batch)]
    assert sizes == [80, 168, 56]


def test_another_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "2027.1.1")
    with pytest.raises(CannotLoad, match=r"2027\.1\.1 is installed"):
        library()


def test_without_it_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CannotLoad, match=r"pip install 'pippin\[gguf\]'"):
        library()


@pytest.mark.parametrize(
    ("known", "name"), [("_MODEL_DEFAULTS", "split_mode"), ("_CONTEXT_DEFAULTS", "n_batch")]
)
def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch, known: str, name: str) -> None:
    changed: dict[str, Any] = {**getattr(subject, known), name: 12345}
    monkeypatch.setattr(subject, known, changed)
    with pytest.raises(CannotLoad, match=name):
        library()
