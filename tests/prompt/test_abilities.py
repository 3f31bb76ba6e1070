"""What probing finds out is what each family's templates can do."""

import pytest

from pippin.prompt import sandbox
from pippin.prompt.abilities import Abilities
from pippin.prompt.template import ChatTemplate
from tests.prompt.families import FAMILIES, Family, template


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_is_known_for_what_it_can(family: Family) -> None:
    assert template(family.source).abilities == family.abilities


@pytest.mark.parametrize(
    ("arguments", "objects"),
    [
        ("call.arguments", False),
        ("call.arguments | tojson", True),
        ("call.arguments if call.arguments is string else call.arguments | tojson", False),
        ("'{' + call.arguments.pippinkey + ' pippinkey}'", True),
        ("(call.arguments | tojson)[1:-1]", True),
    ],
)
def test_arguments_as_text_or_as_an_object(arguments: str, objects: bool) -> None:
    source = (
        "{{ tools | tojson if tools }}{% for m in messages %}{{ m.content }}"
        "{% for c in m.tool_calls or [] %}{% set call = c.function %}{{ call.name }}"
        f"{{{{ {arguments} }}}}{{% endfor %}}{{% endfor %}}"
    )
    abilities = ChatTemplate(source, {}).abilities
    assert (abilities.calls, abilities.objects) == (True, objects)


@pytest.mark.parametrize("written", ["call.arguments | string", "'' ~ call.arguments.items()"])
def test_an_object_in_pythons_words_is_no_way_to_show_it(written: str) -> None:
    source = (
        "{{ tools | tojson if tools }}{% for m in messages %}{{ m.content }}"
        "{% for c in m.tool_calls or [] %}{% set call = c.function %}{{ call.name }}"
        f"{{% if call.arguments is string %}}{{{{ fail() }}}}{{% endif %}}"
        f"{{{{ {written} }}}}{{% endfor %}}{{% endfor %}}"
    )
    assert not ChatTemplate(source, {}).abilities.calls


def test_calls_without_definitions_are_no_ability() -> None:
    source = "{% for m in messages %}{{ m.content }}{{ m.tool_calls | tojson }}{% endfor %}"
    abilities = ChatTemplate(source, {}).abilities
    assert (abilities.tools, abilities.calls, abilities.results) == (False, False, False)


@pytest.mark.parametrize(
    "source", ["{{ 1 / 0 }}", "{{ raise_exception('never') }}", "{{ undefined() }}", ""]
)
def test_a_template_that_renders_nothing_can_do_nothing(source: str) -> None:
    abilities = ChatTemplate(source, {}).abilities
    assert abilities == Abilities(system=False, alternates=True, reasoning=())


def test_all_probes_together_take_no_longer_than_one_rendering_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "MAX_SECONDS", 0.1)
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    assert not ChatTemplate(endless, {}).abilities.tools
