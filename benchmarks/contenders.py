"""Those who are measured: all answer the same asks, and say the same about it."""

import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks import servers
from benchmarks.child import Child
from benchmarks.kinds import KINDS, Kind
from benchmarks.models import BenchModel
from benchmarks.servers import Server
from benchmarks.workload import Ask, Form

TEMPLATE_TOKENS = 24
"""At most so many tokens does a chat template add to one message."""


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
    count: int
    """How many tokens."""
    tokens: list[int]
    """Which ones; none where the text, being of a form, does not tell."""
    cached: int | None = None
    """Prompt tokens that the server says it remembered; ``None``: it does not say."""


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
        return sum(answer.count for answer in self.answers)


class Contender(Protocol):
    """Answers waves of asks."""

    name: str
    over_http: bool

    def run(self, asks: Sequence[Ask], *, stream: bool = True) -> Wave: ...

    def restart(self) -> None:
        """Stop as its operator would, and start again."""
        ...


@dataclass
class Limit:
    """The in-process loop. It starts all asks at once: when an ask says to start is not for it."""

    model: BenchModel
    child: Child
    name: str = "limit"
    over_http: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, asks: Sequence[Ask], *, stream: bool = True) -> Wave:
        prompts = [ask.prompt for ask in asks]
        limits = [ask.max_tokens for ask in asks]
        reply = self.child.ask({"prompts": prompts, "max_tokens": limits})
        lanes = zip(reply["first"], reply["tokens"], strict=True)
        answers = [Answer(0.0, first, [], len(tokens), tokens) for first, tokens in lanes]
        return Wave(reply["seconds"], answers, server_cpu=reply["cpu"])

    def restart(self) -> None:
        """It remembers nothing that a restart could lose."""


@dataclass
class HttpServer:
    """A server behind ``/v1/completions``, or behind ``/v1/chat/completions`` only."""

    name: str
    kind: Kind
    model: BenchModel
    server: Server
    client: Child
    over_http: bool = True

    def run(self, asks: Sequence[Ask], *, stream: bool = True) -> Wave:
        """Raises WrongAnswer, ChildFailed."""
        requests = [self._request(ask, stream) for ask in asks]
        cpu = self.server.cpu_seconds()
        reply = self.client.ask({"port": self.server.port, "requests": requests})
        cpu = self.server.cpu_seconds() - cpu
        if "error" in reply:
            raise WrongAnswer(f"{self.name}: {reply['error']}")
        pairs = zip(asks, reply["answers"], strict=True)
        answers = [self._answer(ask, answer) for ask, answer in pairs]
        return Wave(reply["seconds"], answers, reply["client_cpu"], cpu)

    def restart(self) -> None:
        """Raises ServerFailed."""
        self.server.restart()

    def _request(self, ask: Ask, stream: bool) -> dict[str, Any]:
        route = "/v1/chat/completions" if self.kind.chat else "/v1/completions"
        when = {"after_events": ask.after_events, "after_s": ask.after_s, "cut": ask.cut}
        return {"path": route, "body": self._body(ask, stream)} | when

    def _body(self, ask: Ask, stream: bool) -> dict[str, Any]:
        text = self.model.text(ask.prompt)
        body: dict[str, Any] = {
            "model": self.kind.model_id or str(self.model.folder),
            "max_tokens": ask.max_tokens,
            "temperature": 0.0,
            "stream": stream,
        }
        if self.kind.chat:
            body["messages"] = [{"role": "user", "content": text}]
        else:
            body["prompt"] = text
        if stream:
            body["stream_options"] = {"include_usage": True}
        if self.kind.ignores_eos:
            body["ignore_eos"] = True
        if ask.sampling:
            body |= {"temperature": ask.sampling.temperature, "top_p": ask.sampling.top_p}
        if ask.sampling and self.kind.batches_seeds:
            body["seed"] = ask.sampling.seed
        return body | (dict(ask.form.fields) if ask.form else {})

    def _answer(self, ask: Ask, answer: dict[str, Any]) -> Answer:
        usage = answer["usage"]
        tokens = [] if ask.form else self._words(answer["text"])
        count = self._formed(ask.form, answer) if ask.form else len(tokens)
        if not ask.cut:
            self._check(ask, usage, count)
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        times = answer["times"]
        if not times:
            raise WrongAnswer(f"{self.name} gave no text before it was cut off")
        return Answer(answer["sent"], times[0], times, count, tokens, cached)

    def _words(self, text: str) -> list[int]:
        try:
            return self.model.tokens(text)
        except KeyError as error:
            raise WrongAnswer(f"{self.name} said what is no word of the model's: {error}") from None

    def _formed(self, form: Form, answer: dict[str, Any]) -> int:
        """How many tokens an answer has that is of its form and did not end by itself."""
        text, finishes = answer["text"], answer["finishes"]
        if finishes != ["length"] or not re.match(form.begins, text):
            raise WrongAnswer(
                f"{self.name} did not keep to the form, or ended too soon: {finishes}, {text[:80]}"
            )
        count: int = answer["usage"]["completion_tokens"]
        return count

    def _check(self, ask: Ask, usage: dict[str, Any], words: int) -> None:
        said = usage["prompt_tokens"], usage["completion_tokens"], words
        asked = len(ask.prompt), ask.max_tokens, ask.max_tokens
        extra = said[0] - asked[0]
        if said[1:] != asked[1:] or not 0 <= extra <= (TEMPLATE_TOKENS if self.kind.chat else 0):
            raise WrongAnswer(
                f"{self.name} was asked for (prompt, completion, words) {asked}; usage says {said}"
            )


def enter(
    stack: ExitStack, name: str, model: BenchModel, client: Child, *, threads: int, logs: Path
) -> Contender:
    """Start the contender; the stack ends it, and what it kept on disk goes with it.

    Raises ServerFailed, ChildFailed."""
    if name == "limit":
        child = stack.enter_context(Child("benchmarks.limit", str(model.folder), str(threads)))
        return Limit(model, child, facts=child.ask({}))
    kind, port = KINDS[name], servers.free_port()
    kept = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"bench-{name}-"))
    server = Server(
        kind.command(model.folder, port, threads),
        port,
        kind.ready_path,
        logs / f"{model.name}-{name}.log",
        dict.fromkeys(kind.cache_variables, kept),
    )
    return HttpServer(name, kind, model, stack.enter_context(server), client)
