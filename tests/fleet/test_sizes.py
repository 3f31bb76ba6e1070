"""What a model is predicted to take, and what is left for its caches."""

import pytest

from pippin.fleet.catalogue import Entry
from pippin.fleet.catalogue.entry import Source
from pippin.fleet.sizes import LEAST_FOR_CACHES, cache_bytes, predicted_bytes
from pippin.formats.facts import ModelFacts
from pippin.settings import GIB, Settings

LIMIT = 12 * GIB


def entry(name: str, gib: int, source: Source) -> Entry:
    facts = ModelFacts(kind="gguf", weights_bytes=gib * GIB)
    return Entry(name=name, where=f"/{name}", settings=Settings(), source=source, facts=facts)


@pytest.mark.parametrize("gib", [1, 6, 8, 11])
def test_a_large_model_of_the_folder_has_smaller_caches_and_fits(gib: int) -> None:
    configured, large = entry("small", 1, "configured"), entry("large", gib, "folder")
    caches = cache_bytes(large, (configured, large), LIMIT)
    assert caches >= LEAST_FOR_CACHES
    assert predicted_bytes(large, caches) <= LIMIT


def test_what_does_not_fit_is_said_so() -> None:
    huge = entry("huge", 12, "folder")
    assert cache_bytes(huge, (huge,), LIMIT) == LEAST_FOR_CACHES
    assert predicted_bytes(huge, LEAST_FOR_CACHES) > LIMIT


def test_all_configured_models_and_one_more_share() -> None:
    entries = (entry("a", 1, "configured"), entry("b", 2, "configured"))
    caches = [cache_bytes(one, entries, LIMIT) for one in entries]
    taken = sum(predicted_bytes(one, each) for one, each in zip(entries, caches, strict=True))
    assert caches[0] == caches[1]
    assert taken + caches[0] <= LIMIT
