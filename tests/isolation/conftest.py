"""Every model that is tried here, under host and device arrays."""

from collections.abc import Iterator

import pytest

from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from tests.engine import zoo
from tests.isolation import hashing
from tests.isolation.server import House


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays])
def arrays(request: pytest.FixtureRequest) -> Iterator[type]:
    """Where sampling is computed: with the latter, steps are queued ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        yield request.param


@pytest.fixture(scope="session")
def houses() -> dict[tuple[object, type], House]:
    """Those that were built, for all modules, with what they found to be true."""
    return {}


@pytest.fixture(scope="module", params=zoo.ZOO)
def house(
    request: pytest.FixtureRequest, arrays: type, houses: dict[tuple[object, type], House]
) -> House:
    """Of real architectures."""
    key = request.param, arrays
    if key not in houses:
        houses[key] = House(zoo.build(request.param), zoo.VOCAB)
    return houses[key]


@pytest.fixture(scope="module", params=hashing.KINDS)
def hashing_house(
    request: pytest.FixtureRequest, arrays: type, houses: dict[tuple[object, type], House]
) -> House:
    """Of models whose every wrong row shows."""
    key = request.param, arrays
    if key not in houses:
        houses[key] = House(hashing.HashingModel(request.param), hashing.VOCAB)
    return houses[key]
