"""Small templates that would grow until the memory is full: each is stopped before it has."""

import tracemalloc

import pytest

from pippin.prompt.sandbox import BrokenTemplate, CannotRender, Clock, Program

DOUBLED = (
    "{%% set n = namespace(s=%s) %%}{%% for i in range(60) %%}%s{%% endfor %%}{{ n.s | length }}"
)
TEXT, LIST = "'aaaaaaaaaaaaaaaa'", "[1, 2]"


def doubled(start: str, step: str) -> str:
    return DOUBLED % (start, step)


NESTED = doubled(LIST, "{% set n.s = [n.s, n.s] %}")[: -len("{{ n.s | length }}")]
BOMBS = {
    "concatenation": doubled(TEXT, "{% set n.s = n.s ~ n.s %}"),
    "sum": doubled(TEXT, "{% set n.s = n.s + n.s %}"),
    "sum of lists": doubled(LIST, "{% set n.s = n.s + n.s %}"),
    "join": doubled(TEXT, "{% set n.s = [n.s, n.s] | join %}"),
    "join's method": doubled(TEXT, "{% set n.s = ''.join([n.s, n.s]) %}"),
    "separator": doubled(TEXT, "{% set n.s = '111' | join(n.s) %}"),
    "replace": doubled(TEXT, "{% set n.s = n.s | replace('a', 'aa') %}"),
    "replace's method": doubled(TEXT, "{% set n.s = n.s.replace('a', 'aa') %}"),
    "replacing nothing": doubled(TEXT, "{% set n.s = n.s.replace('', n.s) %}"),
    "block": doubled(TEXT, "{% set x %}{{ n.s }}{{ n.s }}{% endset %}{% set n.s = x %}"),
    "macro": "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}"
    + doubled(TEXT, "{% set n.s = f(n.s) %}"),
    "product": doubled(TEXT, "{% set n.s = n.s * 2 %}"),
    "number": "{% set n = namespace(s=9) %}{% for i in range(60) %}{% set n.s = n.s * n.s %}"
    "{% endfor %}{{ n.s > 1 }}",
    "format": "{{ '{:>2999999999}'.format(1) | length }}",
    "format with its width given": "{{ '{:>{}}'.format(1, 2999999999) | length }}",
    "translation": "{{ 'aaaa'.translate({97: 'b' * 1000000}) | length }}",
    "written out": NESTED + "{{ n.s }}",
    "written as text": NESTED + "{{ n.s | string | length }}",
    "written as JSON": NESTED + "{{ n.s | tojson | length }}",
    "written beside": NESTED + "{{ (n.s ~ '') | length }}",
    "lipsum": "{{ lipsum(n=999999) | length }}",
    "batch": "{{ [1] | batch(99999999, 'x') | list | length }}",
    "slice": "{{ [1] | slice(99999999, 'x') | list | length }}",
    "range": "{{ range(999999999) | list | length }}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_stopped(source: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((CannotRender, BrokenTemplate)):
            Program(source).run({}, Clock())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000_000


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ ', '.join(x | map('upper')) }}", "A, B"),
        ("{{ x | join('-') }}{{ x | join }}{{ none | join if false }}", "a-bab"),
        ("{{ d | join(',', attribute='n') }}", "1,2"),
        ("{{ 'a' ~ 1 ~ none ~ nothing ~ [1] ~ 1.5 }}", "a1None[1]1.5"),
        ("{{ 'aXa'.replace('X', 'y') }}{{ 'aa'.replace('a', 'b', 1) }}", "ayaba"),
        ("{{ 'aXa' | replace('X', 'y') }}{{ 'aa' | replace('a', 'b', 1) }}", "ayaba"),
        ("{{ '{} {:02d} {name}'.format('q', 3, name=4) }}", "q 03 4"),
        ("{{ [1] + [2] }}{{ 1 + 2 }}{{ 'a' + 'b' }}{{ (1, 2) + (3,) }}", "[1, 2]3ab(1, 2, 3)"),
        ("{{ 1 | string + 'x' }}{{ x | string }}", "1x['a', 'b']"),
        ("{{ 7 * 6 }}{{ 'ab' * 3 }}{{ 2 ** 10 }}{{ 1.5 * 2 }}", "42ababab10243.0"),
        ("{% set b %}{{ x[0] }}{{ 1 }}{% endset %}{{ b }}", "a1"),
        ("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(1) }}{{ m('b') + 'c' }}", "<1><b>c"),
    ],
)
def test_what_chat_templates_do_they_may(source: str, text: str) -> None:
    values = {"x": ["a", "b"], "d": [{"n": 1}, {"n": 2}]}
    assert Program(source).run(values, Clock()) == text
