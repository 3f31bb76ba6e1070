"""Those who are measured: all answer the same asks, and say the same about it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks import servers
from benchmarks.child import Child
from benchmarks.models import BenchModel
from benchmarks.servers import Server
from benchmarks.workload import Ask


class WrongAnswer(Exception):
    """A server did not do the work that it was asked for, so its time means nothing."""


@dataclass(frozen=True)
class Answer:
    """One ask, answered. Times in seconds since the wave began."""

    sent: float
    first: float
    """When the first token was there."""
    times: list[float]
    """When each piece of text came."""
    tokens: list[int]


@dataclass(frozen=True)
class Wave:
    """All asks of one wave, answered."""

    seconds: float
    """From the first request to the last byte."""
    answers: list[Answer]
    client_cpu: float = 0.0
    """Seconds of the load client's own CPU time."""
    server_cpu: float = 0.0
    """Seconds of CPU time of the server's processes, or of the limit's."""

    @property
    def tokens(self) -> int:
        return sum(len(answer.tokens) for answer in self.answers)


class Contender(Protocol):
    """Answers waves of asks."""

    name: str
    over_http: bool

    def run(self, asks: Sequence[Ask], *, stream: bool = True, second_after: int = 0) -> Wave:
        """``second_after``: the second ask waits for so many events of the first one."""
        ...


@dataclass
class Limit:
    """The in-process loop."""

    model: BenchModel
    child: Child
    name: str = "limit"
    over_http: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, asks: Sequence[Ask], *, stream: bool = True, second_after: int = 0) -> Wave:
        prompts = [ask.prompt for ask in asks]
        limits = [ask.max_tokens for ask in asks]
        reply = self.child.ask({"prompts": prompts, "max_tokens": limits})
        lanes = zip(reply["first"], reply["tokens"], strict=True)
        answers = [Answer(0.0, first, [], tokens) for first, tokens in lanes]
        return Wave(reply["seconds"], answers, server_cpu=reply["cpu"])


@dataclass
class HttpServer:
    """A server behind ``/v1/completions``."""

    name: str
    model: BenchModel
    server: Server
    client: Child
    model_id: str
    ignores_eos: bool
    batches_seeds: bool
    over_http: bool = True

    def run(self, asks: Sequence[Ask], *, stream: bool = True, second_after: int = 0) -> Wave:
        """Raises WrongAnswer, ChildFailed."""
        bodies = [self._body(ask, stream) for ask in asks]
        cpu = self.server.cpu_seconds()
        message = {"port": self.server.port, "bodies": bodies, "second_after": second_after}
        reply = self.client.ask(message)
        cpu = self.server.cpu_seconds() - cpu
        pairs = zip(asks, reply["answers"], strict=True)
        answers = [self._answer(ask, answer) for ask, answer in pairs]
        return Wave(reply["seconds"], answers, reply["client_cpu"], cpu)

    def _body(self, ask: Ask, stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model_id,
            "prompt": self.model.text(ask.prompt),
            "max_tokens": ask.max_tokens,
            "temperature": 0.0,
            "stream": stream,
        }
        if stream:
            body["stream_options"] = {"include_usage": True}
        if self.ignores_eos:
            body["ignore_eos"] = True
        if ask.sampling:
            body |= {"temperature": ask.sampling.temperature, "top_p": ask.sampling.top_p}
        if ask.sampling and self.batches_seeds:
            body["seed"] = ask.sampling.seed
        return body

    def _answer(self, ask: Ask, answer: dict[str, Any]) -> Answer:
        tokens = self.model.tokens(answer["text"])
        usage = answer["usage"]
        said = usage["prompt_tokens"], usage["completion_tokens"], len(tokens)
        asked = len(ask.prompt), ask.max_tokens, ask.max_tokens
        if said != asked:
            raise WrongAnswer(
                f"{self.name} was asked for (prompt, completion, words) {asked}; usage says {said}"
            )
        return Answer(answer["sent"], answer["times"][0], answer["times"], tokens)


LABELS = {
    "limit": "limit (in process)",
    "pippin": "Pippin",
    "mlx_lm": "mlx_lm.server",
    "mlx_lm_noblas": "mlx_lm.server, BLAS of MLX's wheel",
}
"""Every contender, and its name in tables, in their order there."""


def enter(
    stack: ExitStack, name: str, model: BenchModel, client: Child, *, threads: int, logs: Path
) -> Contender:
    """Start the contender; the stack ends it. Raises ServerFailed, ChildFailed."""
    if name == "limit":
        child = stack.enter_context(Child("benchmarks.limit", str(model.folder), str(threads)))
        return Limit(model, child, facts=child.ask({}))
    port = servers.free_port()
    if name == "pippin":
        command, ready = servers.pippin_command(model.folder, port, threads), "/health/ready"
    else:
        used = 0 if name == "mlx_lm_noblas" else threads
        command, ready = servers.mlx_lm_command(model.folder, port, used), "/health"
    log = logs / f"{model.name}-{name}.log"
    server = stack.enter_context(Server(command, port, ready, log))
    server.wait_ready()
    own = name == "pippin"
    model_id = "bench" if own else "default_model"
    return HttpServer(name, model, server, client, model_id, ignores_eos=own, batches_seeds=own)
