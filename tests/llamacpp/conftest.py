"""The demo model in llama.cpp, loaded once."""

import pytest

from pippin import demo
from pippin.llamacpp.load import LoadedGGUF, load


@pytest.fixture(scope="session")
def loaded() -> LoadedGGUF:
    return load(demo.MODELS["demo-gguf"], lambda *_: None)
