"""Forms of Firefunction v2 and Phi-4-mini."""

import pytest

from pippin.output.families.firefunction import Firefunction
from tests.output.families.reading import Recorded, check

WEATHER = ("get_weather", {"city": "Rome"})
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
PING = '{"name": "ping", "arguments": {}}'
HALF = ' functools[{"name": "add", "argum'

FORMS = {
    "one": Recorded(f" functools[{ROME}]", [WEATHER]),
    "two": Recorded(f" functools[{ROME}, {PING}]", [WEATHER, ("ping", {})]),
    "two without a comma": Recorded(f"functools[{ROME}{PING}]", [WEATHER, ("ping", {})]),
    "a comma too many": Recorded(f"functools[{ROME},]", [WEATHER]),
    "text before": Recorded(f"I call: functools[{ROME}]", ["I call:", WEATHER]),
    "a bracket in a string": Recorded(
        ' functools[{"name": "add", "arguments": {"a": "]}"}}]', [("add", {"a": "]}"})]
    ),
    "the module": Recorded("Use functools, or f[0].", ["Use functools, or f[0]."]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "no objects": Recorded("functools[1, 2]", ["functools[1, 2]"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(Firefunction(), FORMS[form])
