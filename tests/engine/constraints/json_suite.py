"""The JSON-Schema-Test-Suite, held against what is compiled from its schemas."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pippin.core.constraint import JSONSchema
from pippin.engine.constraints.compiler import Compiled, Compiler
from pippin.errors import InvalidRequest
from tests.engine.constraints.vocabularies import accepts

SUITE = Path(__file__).parent / "suite"
GROUPS = {
    "draft7": ("draft7", 7),
    "draft7 optional": ("draft7/optional", 7),
    "draft7 formats": ("draft7/optional/format", 7),
    "draft2020-12": ("draft2020-12", 2020),
    "draft2020-12 optional": ("draft2020-12/optional", 2020),
    "draft2020-12 formats": ("draft2020-12/optional/format", 2020),
}
ANNOTATIONS = {"content.json"}
"""What the optional tests of draft 7 want asserted, and later drafts call an annotation."""


@dataclass
class Verdict:
    """Of one group of tests. Counts are of schemas."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Valid instances that are refused for no reason that is known."""


def judge(group: str, compiler: Compiler) -> Verdict:
    folder, draft = GROUPS[group]
    verdict = Verdict()
    for file in sorted((SUITE / folder).glob("*.json")):
        if file.name in ANNOTATIONS and "optional" in folder:
            continue
        for case in json.loads(file.read_text()):
            verdict.counts[
                _judge_case(f"{group}: {file.name}", case, draft, compiler, verdict)
            ] += 1
    return verdict


def _judge_case(
    name: str, case: dict[str, Any], draft: int, compiler: Compiler, verdict: Verdict
) -> str:
    schema = case["schema"]
    if draft == 7 and isinstance(schema, dict):
        schema = {"$schema": "http://json-schema.org/draft-07/schema#"} | schema
    try:
        compiled = compiler.compile(JSONSchema(schema=json.dumps(schema)))
    except InvalidRequest:
        return "refused"
    narrower = False
    for test in case["tests"]:
        taken = _takes(compiled, compiler, test["data"])
        where = f"{name}: {case['description']}: {test['description']}"
        if taken and not test["valid"]:
            verdict.wrong.append(where)
        if test["valid"] and not taken:
            narrower = True
            if not _explained(test["data"], name):
                verdict.unexplained.append(where)
    return "narrower" if narrower else "exact"


def _takes(compiled: Compiled, compiler: Compiler, value: Any) -> bool:
    return any(
        accepts(compiled.matcher(), compiler.tokenizer, text)
        for ordered in _orders(value)
        for text in _spellings(ordered)
    )


def _orders(value: Any) -> Iterator[Any]:
    yield value
    if not isinstance(value, dict):
        return
    yield {name: value[name] for name in sorted(value)}
    if len(value) <= 5:
        for names in itertools.permutations(value):
            yield {name: value[name] for name in names}


def _spellings(value: Any) -> list[str]:
    return [
        json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        json.dumps(value, ensure_ascii=False),
        json.dumps(value),
    ]


def _explained(value: Any, name: str) -> bool:
    """By how a number is spelled, how large it is, or by formats, which are enforced, and in strict
    forms."""
    known = ("formats", "format.json", "bignum.json")
    return any(part in name for part in known) or _has_float(value)


def _has_float(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_float, value))
    return isinstance(value, float) and value.is_integer()
