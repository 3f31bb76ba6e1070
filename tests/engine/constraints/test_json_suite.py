"""Every schema of the JSON-Schema-Test-Suite is refused, or right on every instance.

A *narrower* schema refuses a valid instance for how it is written (1.0 for an integer), or as its
format is enforced, which the suite takes for an annotation. ``ratchet.json`` holds how many schemas
of each group are exact, narrower and refused. It may only get better; then change it.
"""

import json
from pathlib import Path

import pytest

from pippin.engine.constraints.compiler import Compiler
from tests.engine.constraints.json_suite import GROUPS, judge
from tests.engine.constraints.vocabularies import demo

RATCHET = json.loads((Path(__file__).parent / "ratchet.json").read_text())


@pytest.mark.parametrize("group", GROUPS)
def test_group(group: str) -> None:
    verdict = judge(group, Compiler(demo()))
    assert verdict.wrong == []
    assert verdict.unexplained == []
    assert dict(verdict.counts) == RATCHET[group]
