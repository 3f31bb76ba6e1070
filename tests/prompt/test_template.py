"""Chat templates: transformers' dialect, inside limits."""

from typing import Any

import pytest

from pippin.core.request import ChatPrompt, Message
from pippin.errors import InvalidRequest
from pippin.prompt import sandbox as module
from pippin.prompt.template import BrokenTemplate, ChatTemplate

CHATML = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)


def render(source: str, *contents: str, roles: tuple[str, ...] = (), **kwargs: Any) -> str:
    roles = roles or ("user",) * len(contents)
    messages = [
        Message(role=role, content=content)  # type: ignore[arg-type]
        for role, content in zip(roles, contents, strict=True)
    ]
    prompt = ChatPrompt(messages=tuple(messages), template_kwargs=kwargs)
    return ChatTemplate(source, {"bos_token": "<s>"}).render(prompt)


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.2)


def test_a_conversation_is_rendered_for_an_answer() -> None:
    assert render(CHATML, "hi") == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"


def test_a_final_assistant_message_is_continued() -> None:
    text = render(CHATML, "hi", "Once upon ", roles=("user", "assistant"))
    assert text.endswith("<|im_start|>assistant\nOnce upon ")


def test_a_template_that_drops_the_message_cannot_continue_it() -> None:
    with pytest.raises(InvalidRequest, match="cannot continue"):
        render("{{ messages[0].content }}", "hi", "there", roles=("user", "assistant"))


def test_the_dialect_of_transformers() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}\n"
        "  {% if loop.first %}{{ {'é': 1} | tojson }}{% continue %}{% endif %}\n"
        "{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    )
    assert render(source, "a", "b") == '<s>{"é": 1}b'


def test_tojson_takes_what_transformers_takes() -> None:
    source = "{{ {'b': 1, 'a': [2]} | tojson(separators=(',', ':'), sort_keys=true) }}"
    assert render(source, "x") == '{"a":[2],"b":1}'


def test_kwargs_are_those_that_the_template_reads() -> None:
    template = ChatTemplate("{{ messages }}{% if enable_thinking %}x{% endif %}{{ tools }}", {})
    assert template.kwargs == {"enable_thinking"}
    assert render("{{ enable_thinking }}", "a", enable_thinking=True) == "True"


def test_a_name_that_the_template_sets_is_no_kwarg_unless_it_asks_for_it() -> None:
    source = (
        "{% if messages %}{% set content = 1 %}{% endif %}{{ content }}"
        "{% if budget is not defined %}{% set budget = 5 %}{% endif %}{{ budget }}"
        "{% set effort = effort | default('low') %}{{ effort }}"
    )
    assert ChatTemplate(source, {}).kwargs == {"budget", "effort"}


def test_a_refusal_of_the_template_reaches_the_client() -> None:
    with pytest.raises(InvalidRequest, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}", "a")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ],
    ids=["loops", "macros"],
)
@pytest.mark.usefixtures("short_deadline")
def test_an_endless_template_is_stopped(source: str) -> None:
    with pytest.raises(InvalidRequest, match="takes too long"):
        render(source, "a")


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 999999999999 }}",
        "{{ [0] * 999999999 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ messages[7].content }}",
        "{{ messages.content.x.y }}",
        "{{ undefined_function() }}",
        "{{ 1 + 'a' }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ ''.__class__.__mro__ }}{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'a' | indent(999999999) }}",
        "{{ messages | tojson(indent=999999999) }}",
    ],
)
def test_a_hostile_or_broken_template_gives_one_clear_error(source: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot render"):
        render(source, "a")


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTPUT_CHARS", 10_000)
    with pytest.raises(InvalidRequest, match="too long a prompt"):
        render("{% for i in range(99999) %}{{ messages[0].content }}{% endfor %}", "abc")


@pytest.mark.parametrize(
    "source",
    ["{% if %}", "{{ 'a' | center(9) }}", "{{ pippin_tick }}", "{{ " + "(" * 30_000, "x" * 600_000],
)
def test_what_is_no_template_is_refused_at_load(source: str) -> None:
    with pytest.raises(BrokenTemplate):
        ChatTemplate(source, {})
