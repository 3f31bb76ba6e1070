"""What the clients of a soak ask: seeded, of random lengths, much of it sharing prefixes."""

import math
import random
import re
from dataclasses import dataclass, field
from typing import Any

MODEL = "soak"
KEYS = ("soak-one", "soak-two", "soak-three")
AGENT_KEY, BATCH_KEY = "soak-agent", "soak-batch"
REFERENCES = 24
PREFIXES, PREFIX_WORDS = 24, (4, 700)
QUESTION_WORDS = (1, 40)
TOKENS_OUT = (1, 128)
CONVERSATIONS, LONGEST_CONVERSATION = 16, 6000
"""Characters after which a conversation is over, and another one opens in its place."""
WORDS = re.findall(r"\w+", "the of and to in is you that he was for on are as his they at be this")
Message = dict[str, str]


@dataclass(frozen=True)
class Call:
    """One request, and how its client behaves."""

    path: str
    body: dict[str, Any]
    key: str
    choices: int = 1
    leave_after_s: float | None = None
    """The client hangs up then,"""
    leave_after_events: int | None = None
    """or after so many events."""
    reference: int | None = None
    """Its answer is known: it has to be that of the reference with this number."""
    conversation: list[Message] | None = field(default=None, compare=False)

    @property
    def leaves(self) -> bool:
        return self.leave_after_s is not None or self.leave_after_events is not None


class Traffic:
    """Draws calls from one seeded stream, and goes on with conversations whose answers it hears."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._prefixes = [self._text(PREFIX_WORDS) for _ in range(PREFIXES)]
        self._conversations = [self._opening() for _ in range(CONVERSATIONS)]
        self.references = [self._reference(number) for number in range(REFERENCES)]
        """To be answered alone before the rest, half of them greedy, half sampled with a seed."""

    def draw(self) -> Call:
        """The next call."""
        kind = self._random.random()
        if kind < 0.15:
            return self._random.choice(self.references)
        call = self._turn() if kind < 0.5 and self._conversations else self._fresh()
        return self._impatient(call) if self._random.random() < 0.3 else call

    def heard(self, call: Call, text: str | None) -> None:
        """The answer to a call; ``None``: there is none, so its conversation ends."""
        if call.conversation is None:
            return
        messages = call.conversation
        if text is None or sum(len(m["content"]) for m in messages) > LONGEST_CONVERSATION:
            self._conversations.append(self._opening())
            return
        question = {"role": "user", "content": self._text(QUESTION_WORDS)}
        answer = {"role": "assistant", "content": text or "nothing"}
        self._conversations.append([*messages, answer, question])

    def _opening(self) -> list[Message]:
        system = {"role": "system", "content": self._random.choice(self._prefixes)}
        return [system, {"role": "user", "content": self._text(QUESTION_WORDS)}]

    def _turn(self) -> Call:
        """A turn of a conversation, which nobody else goes on with meanwhile."""
        chosen = self._random.randrange(len(self._conversations))
        messages = self._conversations.pop(chosen)
        body = self._body() | self._manner() | {"messages": messages}
        return self._call("/v1/chat/completions", body, conversation=messages)

    def _fresh(self) -> Call:
        prompt = f"{self._random.choice(self._prefixes)} {self._text(QUESTION_WORDS)}"
        choices = self._random.choice((1, 1, 1, 2))
        body = self._body() | self._manner() | {"prompt": prompt, "n": choices}
        return self._call("/v1/completions", body, choices=choices)

    def _reference(self, number: int) -> Call:
        prompt = f"{self._prefixes[number % PREFIXES]} {self._text(QUESTION_WORDS)}"
        body = self._body() | {"prompt": prompt, "max_tokens": 32}
        if number % 2:
            body |= {"temperature": 0.8, "top_p": 0.9, "seed": number}
        return Call("/v1/completions", body, KEYS[0], reference=number)

    def _body(self) -> dict[str, Any]:
        stream = self._random.random() < 0.6
        options = {"stream_options": {"include_usage": True}} if stream else {}
        return {"model": MODEL, "temperature": 0.0, "stream": stream} | options

    def _manner(self) -> dict[str, Any]:
        """How it is sampled and how much of it."""
        draw = self._random
        manner: dict[str, Any] = {"max_tokens": self._log_uniform(*TOKENS_OUT)}
        if draw.random() < 0.5:
            manner |= {"temperature": draw.uniform(0.2, 1.2), "top_p": draw.uniform(0.5, 1.0)}
        if draw.random() < 0.3:
            manner |= {"ignore_eos": True}
        return manner

    def _call(
        self,
        path: str,
        body: dict[str, Any],
        *,
        choices: int = 1,
        conversation: list[Message] | None = None,
    ) -> Call:
        """With a key; one without a priority of its own may name one."""
        key = self._random.choice((*KEYS, AGENT_KEY, BATCH_KEY))
        if key in KEYS:
            priority = self._random.choice(("interactive", "agent", "batch"))
            body |= {"pippin": {"priority": priority, "explain_cache": self._random.random() < 0.3}}
        return Call(path, body, key, choices, conversation=conversation)

    def _impatient(self, call: Call) -> Call:
        """Leaves at once, in the queue, in prefill, or while text comes."""
        seconds, events = None, None
        if call.body["stream"] and self._random.random() < 0.6:
            events = self._log_uniform(1, 40)
        else:
            seconds = self._random.choice((0.0, self._random.expovariate(2.0)))
        return Call(
            call.path,
            call.body,
            call.key,
            call.choices,
            leave_after_s=seconds,
            leave_after_events=events,
            conversation=call.conversation,
        )

    def _text(self, words: tuple[int, int]) -> str:
        return " ".join(self._random.choices(WORDS, k=self._log_uniform(*words)))

    def _log_uniform(self, low: int, high: int) -> int:
        return round(math.exp(self._random.uniform(math.log(low), math.log(high))))
