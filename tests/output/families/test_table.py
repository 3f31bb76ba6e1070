"""Which family a model is of."""

import pytest

from pippin.output.families.table import FAMILIES, choose, names


def test_names_are_unique_and_chosen() -> None:
    assert len(set(names())) == len(FAMILIES)
    for family in FAMILIES:
        assert choose(None, family.name) is family


def test_a_name_wins_over_the_template() -> None:
    assert choose("nothing to see", "Hermes").name == "hermes"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("qwen", "hermes"),
        ("Qwen2.5", "hermes"),
        ("llama3_json", "llama"),
        ("command-r-plus", "command_r"),
        ("phi4_mini_json", "firefunction"),
    ],
)
def test_names_of_other_servers(alias: str, name: str) -> None:
    assert choose(None, alias).name == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("<tool_call>\\n{\"name\": <function-name>, \"arguments\": <args-json-object>}", "hermes"),
        ("{{ '<|im_start|>user\\n<tool_response>' }}", "hermes"),
        ('Respond in the format {"name": function name, "parameters": dictionary of argument '
         "name and its value}.", "llama"),
        ("{{- '<|python_tag|>' + tool_call.name + '.call(' }}", "llama"),
        ("put it in the format of [func_name1(params_name1=params_value1)]", "pythonic"),
        ("{{- '[TOOL_CALLS][' }}{{ tool_call.function|tojson }}", "mistral"),
        ("{{- '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}", "mistral_named"),
        ("{{- '[TOOL_CALLS]' + name + '[CALL_ID]' + id + '[ARGS]' + arguments }}", "mistral_named"),
        ("Write 'Action:' followed by a list of json objects: \"tool_name\"", "command_r"),
        ("1. Action: write <|START_ACTION|> followed by ... \"tool_name\"", "command_r7b"),
        ("formatted as functools[{\"name\": [function name]}]", "firefunction"),
        ("You are developed by Salesforce xLAM team. <|eot_id|>", "xlam"),
        ("<function_calls>\n<invoke>\n<tool_name>$TOOL_NAME</tool_name>", "arcee"),
        ("respond with <|tool_call|> followed by a JSON list of tools used.", "granite"),
        ("respond with <tool_call> followed by a JSON list of tools used.", "granite"),
    ],
)  # fmt: skip
def test_a_template_is_known_by_its_words(words: str, name: str) -> None:
    assert choose(f"{{%- if tools %}}{words}{{%- endif %}}", None).name == name


def test_aliases_mean_families() -> None:
    for alias in ("mistral_v13", "cohere_command3", "firefunction-v2", "granite4", "magistral"):
        assert choose(None, alias) in FAMILIES


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'nonsense'.*hermes"):
        choose(None, "nonsense")


@pytest.mark.parametrize("template", [None, "", "{{ messages[0].content }}"])
def test_without_a_sign_it_is_hermes(template: str | None) -> None:
    assert choose(template, None).name == "hermes"
