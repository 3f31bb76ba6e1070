"""How long an answer may be: as the request says, else the settings, else the route."""

import msgspec
import pytest

from pippin.api.chat import ChatBody, chat_requests
from pippin.api.completions import CompletionBody, completion_requests
from pippin.core.model import ModelInfo
from pippin.core.sampling import SamplingDefaults
from pippin.errors import InvalidRequest
from tests.api.fakes import INFO

LIMITED: ModelInfo = msgspec.structs.replace(INFO, defaults=SamplingDefaults(max_tokens=40))


def of_chat(info: ModelInfo, **given: object) -> int | None:
    body = ChatBody.model_validate({"messages": [{"role": "user", "content": "x"}], **given})
    return chat_requests(body, info, 1)[0].max_tokens


def of_completion(info: ModelInfo, **given: object) -> int | None:
    body = CompletionBody.model_validate({"prompt": "x", **given})
    return completion_requests(body, info, 1)[0].max_tokens


def test_who_says_how_long() -> None:
    assert (of_chat(INFO), of_completion(INFO)) == (None, 16)
    assert (of_chat(LIMITED), of_completion(LIMITED)) == (40, 40)
    assert (of_chat(LIMITED, max_tokens=50), of_completion(LIMITED, max_tokens=50)) == (50, 50)
    assert of_chat(LIMITED, max_completion_tokens=60) == 60


@pytest.mark.parametrize("of_route", [of_chat, of_completion])
def test_no_fewest_above_the_most(of_route: object) -> None:
    assert callable(of_route)
    assert of_route(LIMITED, min_tokens=40) == 40
    with pytest.raises(InvalidRequest, match=r"max_tokens \(40\)") as caught:
        of_route(LIMITED, min_tokens=41)
    assert caught.value.param == "min_tokens"
