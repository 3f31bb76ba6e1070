"""One server for all journeys that do it no harm; and another one, for all of them once more,
whose ``demo`` is a GGUF model."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from tests.journeys.answers import WithoutEquals
from tests.journeys.server import RunningServer, serving
from tests.random_model import make_random_model


@pytest.fixture(scope="session", params=["demo", "demo-gguf"])
def default_model(request: pytest.FixtureRequest) -> str:
    """What the server's ``demo`` is. For a test that holds for MLX only: ``mlx_only``."""
    return str(request.param)


@pytest.fixture(scope="session")
def server(default_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The demo model, and ``noise``: random weights, whose every sampled text is another."""
    folder = make_random_model(tmp_path_factory.mktemp("models") / "noise")
    with serving(f"demo={default_model}", str(folder)) as running:
        yield running
    assert not [line for line in running.log if "yet holds" in line], "something leaked"


@pytest.fixture(scope="session")
def is_exact(default_model: str) -> bool:
    """Whether the same question has the same answer, whoever else asks and whatever was before."""
    return default_model == "demo"


@pytest.fixture
def client(server: RunningServer, is_exact: bool) -> Iterator[openai.OpenAI]:
    kind = openai.OpenAI if is_exact else WithoutEquals
    with kind(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(server: RunningServer) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client
