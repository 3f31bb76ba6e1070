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


NESTED = {
    "parentheses": "{{ " + "(" * 6_000 + "1" + ")" * 6_000 + " }}",
    "open parentheses": "{{ " + "(" * 30_000,
    "lists": "{{ " + "[" * 6_000 + "]" * 6_000 + " }}",
    "objects": "{{ " + "{'a':" * 6_000 + "1" + "}" * 6_000 + " }}",
    "minuses": "{{ " + "-" * 6_000 + "1 }}",
    "nots": "{{ " + "not " * 6_000 + "1 }}",
    "ifs": "{% if 1 %}" * 6_000 + "{% endif %}" * 6_000,
    "calls": "{{ " + "f(" * 6_000 + ")" * 6_000 + " }}",
    "choices": "{{ " + "1 if 1 else " * 6_000 + "1 }}",
}
LONG = {
    "sums": "{{ 1" + "+1" * 50_000 + " }}",
    "attributes": "{{ a" + ".b" * 50_000 + " }}",
    "filters": "{{ a" + "|e" * 50_000 + " }}",
    "elifs": "{% if 1 %}" + "{% elif 1 %}" * 20_000 + "{% endif %}",
    "loops": "{% for a in b %}" * 60 + "{% endfor %}" * 60,
    "macros": "{% macro a() %}" * 600 + "{% endmacro %}" * 600,
}


@pytest.mark.parametrize("source", NESTED.values(), ids=NESTED)
def test_row_38_a_template_that_is_nested_too_deeply(source: str) -> None:
    """It is refused when the model is loaded, however it is nested; nothing of ours dies."""
    with pytest.raises(BrokenTemplate) as caught:
        ChatTemplate(source, {})
    assert len(str(caught.value)) < 300
    assert render("{{ messages[0].content }}", "still here") == "still here"


@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_row_38_a_template_that_is_nested_once_it_is_compiled(source: str) -> None:
    """It depends on Python whether it can be compiled; either is answered."""
    try:
        ChatTemplate(source, {})
    except BrokenTemplate as error:
        words = str(error)
    else:
        words = "it was compiled"
    assert len(words) < 300
    assert render("{{ messages[0].content }}", "still here") == "still here"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ ('' | attr)('__class__') }}",
        "{{ ['__class__'] | map('attr', '__class__') | list }}",
        "{{ messages | map(attribute='__class__') | list }}",
        "{{ '{0.__class__.__mro__}'.format(1) }}",
        "{{ ('{0.__class__}' | safe).format(1) }}",
        "{{ '{0.__class__}'.format_map(messages[0]) }}",
        "{{ raise_exception.__globals__ }}",
        "{{ strftime_now.__globals__['__builtins__'] }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ joiner.__init__.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ pippin.__self__ }}",
        "{{ messages.append.__self__.__class__ }}",
        "{% set x = messages.clear() %}",
        "{% set x = messages[0].update({'role': 'system'}) %}",
        "{% set messages[0].content = 'x' %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os }}",
        "{% extends '/etc/passwd' %}",
        "{{ open('/etc/passwd').read() }}",
        "{{ (''.join for x in [1]) }}",
    ],
)
def test_row_37_a_template_reaches_nothing(source: str) -> None:
    """It does not compile, or renders nothing, or fails with one clear error."""
    try:
        shown = render(source, "a")
    except BrokenTemplate:
        shown = ""
    except InvalidRequest as error:
        shown = error.message
    assert not any(word in shown for word in ("class", "object", "function", "module", "root:"))


@pytest.mark.parametrize(
    "source",
    ["{% if %}", "{{ 'a' | center(9) }}", "{{ pippin_tick }}", "x" * 600_000],
)
def test_what_is_no_template_is_refused_at_load(source: str) -> None:
    with pytest.raises(BrokenTemplate):
        ChatTemplate(source, {})
