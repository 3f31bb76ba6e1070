"""Grammars in Lark's syntax, judged by Lark, and GBNF."""

import random

import lark
import pytest

from pippin.core.constraint import Grammar
from pippin.engine.constraints.compiler import Compiler
from pippin.errors import InvalidRequest
from tests.engine.constraints.vocabularies import accepts, demo, walk

DEMO = demo()
COMPILER = Compiler(DEMO)

CALCULATOR = r"""
// From the tutorials: aliases, marks and priorities say how a tree looks.
?start: sum
      | NAME "=" sum    -> assign_var
?sum: product
    | sum "+" product   -> add
    | sum "-" product   -> sub
?product: atom
    | product "*" atom  -> mul
    | product "/" atom  -> div
?atom: NUMBER           -> number
     | "-" atom         -> neg
     | NAME             -> var
     | "(" sum ")"
%import common.CNAME -> NAME
%import common.NUMBER
%import common.WS_INLINE
%ignore WS_INLINE
"""
JSON = r"""
?start: value
?value: object | array | string | SIGNED_NUMBER -> number
      | "true" -> true | "false" -> false | "null" -> null
array  : "[" [value ("," value)*] "]"
object : "{" [pair ("," pair)*] "}"
pair   : string ":" value
string : ESCAPED_STRING
%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
%ignore WS
"""
SQL = r"""
start: select_statement ";"?
select_statement: "SELECT"i columns "FROM"i NAME [where]
columns: "*" | NAME ("," NAME)~0..3
where: "WHERE"i NAME OP.2 (NUMBER | STRING)
OP: "=" | "<" | ">" | "<>"
NAME: /[a-z_][a-z0-9_]{0,8}/i
STRING: /'[^'\n]*'/
NUMBER: "0".."9"+
%ignore " "
"""
SIMPLE = 'start: A _sep b+\nA.3: "x" | /[yz]{2}/\n_sep: "," | ";"\n!b: "b"~2 | "\\u00e9"\n'
LARK = {"calculator": CALCULATOR, "json": JSON, "sql": SQL.replace("OP.2", "OP"), "simple": SIMPLE}


def fits(text: str, answer: str) -> bool:
    return accepts(COMPILER.compile(Grammar(text=text)).matcher(), DEMO, answer)


@pytest.mark.parametrize("name", LARK)
def test_what_it_allows_is_parsed_by_lark(name: str) -> None:
    judge = lark.Lark(LARK[name])
    compiled = COMPILER.compile(Grammar(text=LARK[name]))
    dice = random.Random(name)
    texts = [walk(compiled.matcher(), DEMO, dice, most=80) for _ in range(40)]
    ended = [text for text in texts if text is not None]
    assert len(ended) > 3
    for text in ended:
        judge.parse(text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "calculator",
            ["1+2*(3 - x)", "x = 4.5e3", "--1", "a  /b"],
            ["1+", "(1", "1 2", "", "1 = 2"],
        ),
        ("json", ['{"a":[1,2, {"b":null}]}', "[]", r'"x\"y"', "-1.5e3"], ['{"a"}', "[1,]", '"']),
        (
            "sql",
            ["SELECT * FROM t", "select a, b from t where a<>'x';"],
            ["SELECT FROM t", "* FROM"],
        ),
        ("simple", ["x,bb", "yz;ébbé"], ["x,b", "yx;bb", "x", "x,"]),
    ],
)
def test_lark(name: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert fits(LARK[name], text), text
    for text in bad:
        assert not fits(LARK[name], text), text


LIST = r"""
root ::= item+   # a comment

# Excludes various line break characters
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
"""
ARITHMETIC = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]{0,3}
"""
GBNF_JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

ws ::= | " " | "\n" [ \t]{0,20}
"""


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        (LIST, ["- a\n", "- é [x]\n- b\n"], ["- \n", "a\n", "- a", "- a\x0b\n"]),
        (ARITHMETIC, ["1+2=3\n", "(x *2)= 4\n1=1\n"], ["1+2", "=3\n", "1+=3\n"]),
        (GBNF_JSON, ['{"a": [1,2.5e1,{"b":null}]}', "{}", '{ "x":"\\u00ab" }'], ["[1]", '{"a":}']),
        ('root ::= [a-z]+ "a" | "(" root ")"', ["ba", "(ba)", "aa"], ["a", "b", "(b)"]),
        ('root ::= a-rule | "x"{2,3}\na-rule ::= [a-h] . [^ab\\]-]', ["e4z", "xx"], ["x", "e4-"]),
        ('root ::= "\\u4e2d" "\\U0001F600"? "\\x41"', ["中A", "中😀A"], ["中"]),
        ('root ::= "x" root | ""', ["", "xxx"], ["y"]),
        ("root ::= [abc]{2} | [-+] | [a-] | [\\^]", ["ab", "+", "-", "^"], ["a+", "d"]),
    ],
)
def test_gbnf(grammar: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert fits(grammar, text), text
    for text in bad:
        assert not fits(grammar, text), text


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        ('start: "x" loop | "y"\nloop: "l" loop\n', ["y"], ["x", "xl"]),
        ('start: a\na: b\nb: a | "q"\n', ["q"], [""]),
        ('start: start start | "a"?', ["", "aaa"], ["b"]),
        ('start: WS* "a" WS\nWS: /[ ]*/\n', ["a", " a", "a  "], [" "]),
        ('start: [A] B\nA: "a"\nB: A+ | ""', ["", "aa"], ["b"]),
    ],
)
def test_odd_ones(grammar: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert fits(grammar, text), text
    for text in bad:
        assert not fits(grammar, text), text


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        ("start: foo", "foo is not defined (line 1)"),
        ('other: "a"', "no rule start"),
        ('start: loop\nloop: "l" loop', "never come to an end"),
        ("start: /a(?=b)/", "lookahead"),
        ("start: /^a/", "anchors"),
        ("start: /a/m", "flag m"),
        ('start: a{"b"}\na{x}: x', "templates"),
        ("start: a{b}\na{x}: x", "templates"),
        ('start: A\nA: A "x" | "y"', "refers to itself"),
        ('start: A\nA: b\nb: "x"', "cannot use the rule b"),
        ('start: "a', "not understood"),
        ('start: "a" )', "not expected"),
        ('start: ("a"', "is missing"),
        ("%import python.X\nstart: X", "common"),
        ("%import common.X\nstart: X", "has no"),
        ("%declare X\nstart: X", "%declare"),
        ("start: %json {}", "not expected"),
        ('start: <think> "a"', "write its text"),
        ("start: @other", "write its text"),
        ('start: "a"\nstart: "b"', "defined twice"),
        ('start: "a"~3..2', "ends before"),
        ('start: "a"~99999', "too long"),
        ('start: "b".."a"', "in their order"),
        ("", "no rule start"),
        ('root ::= "a" foo', "foo is not defined"),
        ('rot ::= "a"', "no rule root"),
        ("root ::= <think>", "write its text"),
        ('root ::= "\\q"', "escape"),
        ("root ::= [b-a]", "wrong way"),
        ("root ::= root", "never come to an end"),
        ('root ::= "a" | ) "b"', "cannot begin"),
    ],
)
def test_refused(grammar: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile(Grammar(text=grammar))
    assert words in caught.value.message
    assert caught.value.param == "guided_grammar"


def test_ignored_text_has_an_end() -> None:
    assert fits(CALCULATOR, "1" + " " * 100 + "+2")
    assert not fits(CALCULATOR, "1" + " " * 1_000 + "+2")
