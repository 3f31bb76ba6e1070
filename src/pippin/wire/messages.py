"""All that crosses the seam. Closed unions: an unknown tag or field type is a broken peer.

Gateway → worker: ``Submit Cancel Tokenize Detokenize AskMemory ForgetPrompts Ping Shutdown``.
Worker → gateway: ``Hello Loading Ready LoadFailed Report Tokenized Detokenized MemoryTold
Rejected Pong``.
"""

import msgspec

from pippin.core.events import Event
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest, Prompt

PROTOCOL_VERSION = 4
"""Raised whenever a message changes meaning; peers of other versions refuse each other."""


class Resumption(msgspec.Struct, frozen=True, array_like=True):
    """What a former worker had told of one choice. Told text is not told again."""

    tokens: tuple[int, ...] = ()
    """The choice's told tokens, from its first."""
    finished: bool = False
    """It is complete: nothing of it is to be computed or told."""


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """Answer this request under this id, which the gateway chose and uses once."""

    id: int
    request: GenerationRequest
    resumed: tuple[Resumption, ...] = ()
    """Where each choice goes on, if another worker had begun the answer; empty: at the start."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for this request any more. Unknown and finished ids are no error."""

    id: int


class Tokenize(msgspec.Struct, frozen=True, tag="tokenize"):
    """Tokens of a prompt exactly as generation would see them."""

    id: int
    prompt: Prompt
    add_special_tokens: bool = True
    """For text: whether to add what the tokenizer adds at the start (BOS)."""
    texts: bool = False
    """Whether each token's own text is wanted, too."""


class Detokenize(msgspec.Struct, frozen=True, tag="detokenize"):
    id: int
    tokens: tuple[int, ...]
    skip_special_tokens: bool = False


class AskMemory(msgspec.Struct, frozen=True, tag="ask_memory"):
    """How full and how useful is the memory of prompts? Answered by ``MemoryTold``."""

    id: int


class ForgetPrompts(msgspec.Struct, frozen=True, tag="forget_prompts"):
    """Forget every prompt, in RAM and on disk. Answered by ``MemoryTold`` when it is done."""

    id: int


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Answered by ``Pong``, at once."""

    id: int


class Shutdown(msgspec.Struct, frozen=True, tag="shutdown"):
    """End the process at once; what runs is lost."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """A worker's first words."""

    version: int
    pid: int


class Loading(msgspec.Struct, frozen=True, tag="loading"):
    """Progress until ``Ready``. ``total`` 0: unknown. Units are the stage's own."""

    stage: str
    done: int = 0
    total: int = 0


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    model: ModelInfo


class LoadFailed(msgspec.Struct, frozen=True, tag="load_failed"):
    """Why the model cannot be served, in words for the operator. The worker then exits."""

    reason: str


class Report(msgspec.Struct, frozen=True, tag="report"):
    """All events of one engine step, for all requests: one frame, one wake-up."""

    events: tuple[Event, ...]


class Tokenized(msgspec.Struct, frozen=True, tag="tokenized"):
    id: int
    tokens: tuple[int, ...]
    texts: tuple[str, ...]
    """Each token's own text, for people; empty unless it was asked for."""


class Detokenized(msgspec.Struct, frozen=True, tag="detokenized"):
    id: int
    text: str


class MemoryTold(msgspec.Struct, frozen=True, tag="memory_told"):
    id: int
    figures: MemoryFigures


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """A question (``Tokenize``…) that cannot be answered. Fields as in ``events.Failed``."""

    id: int
    kind: str
    message: str
    param: str | None = None


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Alive, and how busy: lanes decoding, requests in prefill, requests waiting."""

    id: int
    decoding: int
    prefilling: int
    waiting: int


ToWorker = Submit | Cancel | Tokenize | Detokenize | AskMemory | ForgetPrompts | Ping | Shutdown
ToGateway = (
    Hello
    | Loading
    | Ready
    | LoadFailed
    | Report
    | Tokenized
    | Detokenized
    | MemoryTold
    | Rejected
    | Pong
)
