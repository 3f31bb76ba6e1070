"""Which family a model is of."""

import pytest

from pippin.output.families.table import FAMILIES, choose, names


def test_names_are_unique_and_chosen() -> None:
    assert len(set(names())) == len(FAMILIES)
    for family in FAMILIES:
        assert choose(None, family.name) is family


def test_a_name_wins_over_the_template() -> None:
    assert choose("nothing to see", "Hermes").name == "hermes"


@pytest.mark.parametrize(("alias", "name"), [("qwen", "hermes"), ("Qwen2.5", "hermes")])
def test_names_of_other_servers(alias: str, name: str) -> None:
    assert choose(None, alias).name == name


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'nonsense'.*hermes"):
        choose(None, "nonsense")


@pytest.mark.parametrize("template", [None, "", "{{ messages[0].content }}"])
def test_without_a_sign_it_is_hermes(template: str | None) -> None:
    assert choose(template, None).name == "hermes"
