"""Every model that is tried here, under host and device arrays."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.rows import Model
from tests.engine import zoo
from tests.isolation import hashing
from tests.isolation.server import House


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays])
def arrays(request: pytest.FixtureRequest) -> Iterator[type]:
    """Where sampling is computed: with the latter, steps are queued ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        yield request.param


@cache
def built(make: Callable[[Any], Model], name: str, vocab: int, arrays: type) -> House:
    """Once for all modules, with what it finds to be true under these arrays."""
    return House(make(name), vocab)


@pytest.fixture(scope="module", params=zoo.ZOO)
def house(request: pytest.FixtureRequest, arrays: type) -> House:
    """Of real architectures."""
    return built(zoo.build, request.param, zoo.VOCAB, arrays)


@pytest.fixture(scope="module", params=hashing.KINDS)
def hashing_house(request: pytest.FixtureRequest, arrays: type) -> House:
    """Of models whose every wrong row shows."""
    return built(hashing.HashingModel, request.param, hashing.VOCAB, arrays)
