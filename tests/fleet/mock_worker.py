"""A worker without a model: it speaks the wire, and does what its model's name and prompts say.

A model whose name has no behaviour of its own here serves; the others fail in the way of their
name. Prompts (text) choose how a request is answered; any other text is answered with itself, a
word per event.
"""

import asyncio
import os
import signal
import struct
import sys
import time

from pippin.core.events import Delta, Event, Failed, Finished, Started
from pippin.core.memory import MemoryFigures
from pippin.core.model import ModelInfo
from pippin.core.request import Prompt, TextPrompt
from pippin.wire.channel import Channel
from pippin.wire.codec import worker_side
from pippin.wire.messages import (
    PROTOCOL_VERSION,
    AskMemory,
    Cancel,
    Detokenize,
    Detokenized,
    ForgetPrompts,
    Hello,
    LoadFailed,
    Loading,
    MemoryTold,
    Ping,
    Pong,
    Ready,
    Rejected,
    Report,
    Shutdown,
    Submit,
    Tokenize,
    Tokenized,
    ToWorker,
)
from pippin.worker.options import CommandLine

INFO = ModelInfo(
    architecture="mock", context_length=4096, vocab_size=256, fingerprint="fp_mock", device="mock"
)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def text_of(prompt: Prompt) -> str:
    return prompt.text if isinstance(prompt, TextPrompt) else "hello from the mock"


class MockWorker:
    """One connection's worth of scripted behaviour."""

    def __init__(self, channel: Channel[ToWorker], writer: asyncio.StreamWriter) -> None:
        self._channel = channel
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._answered = 0

    async def serve(self) -> None:
        async for message in self._channel.messages():
            match message:
                case Submit():
                    self._answered += 1
                    self._tasks[message.id] = asyncio.create_task(self._answer(message))
                case Cancel():
                    say(f"INFO cancelled {message.id}")
                    self._tasks.pop(message.id).cancel()
                case Tokenize():
                    self._tokenize(message)
                case Detokenize():
                    text = bytes(message.tokens).decode("utf-8", "replace")
                    self._channel.send(Detokenized(message.id, text))
                case AskMemory():
                    figures = MemoryFigures(enabled=True, prompts=self._answered, ram_runs=1)
                    self._channel.send(MemoryTold(message.id, figures))
                case ForgetPrompts():
                    self._channel.send(MemoryTold(message.id, MemoryFigures(enabled=True)))
                case Ping():
                    self._channel.send(Pong(message.id, 0, 0, 0))
                case Shutdown():
                    return

    def _tokenize(self, message: Tokenize) -> None:
        text = text_of(message.prompt)
        if text == "reject":
            self._channel.send(Rejected(message.id, "InvalidRequest", "no such words", "prompt"))
        elif text == "confuse":
            self._channel.send(Detokenized(message.id, "not what was asked"))
        else:
            tokens = tuple(text.encode())
            self._channel.send(Tokenized(message.id, tokens, tuple(text) if message.texts else ()))

    def _report(self, *events: Event) -> None:
        self._channel.send(Report(events))

    async def _answer(self, message: Submit) -> None:
        id, text = message.id, text_of(message.request.prompt)
        if text == "late":
            self._report(Failed(id, "ServerBusy", "It waited for too long."))
            return
        self._report(Started(id, len(text)))
        match text:
            case "fail":
                self._report(Delta(id, 0, "so far "))
                self._report(Failed(id, "EngineFailure", "a step failed"))
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                say("ERROR the last words")
                os._exit(3)
            case "garbage":
                self._writer.write(struct.pack(">I", 4) + b"\xc1\xc1\xc1\xc1")
            case "oversize":
                self._writer.write(struct.pack(">I", 2**32 - 1))
            case "hang up":
                self._writer.transport.abort()
                await asyncio.sleep(60)
            case "hang":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                say("INFO hanging")
                time.sleep(60)
            case "forever":
                while True:
                    self._report(Delta(id, 0, "on and ", tokens=(1,)))
                    await asyncio.sleep(0.005)
            case "silence":
                await asyncio.sleep(60)
            case _:
                await self._echo(message, text.split())

    async def _echo(self, message: Submit, words: list[str]) -> None:
        """A token is the number of a word. What begins with ``slowly`` takes its time."""
        choices = range(message.request.choices)
        told = [len(one.tokens) for one in message.resumed] or [0 for _ in choices]
        for number, word in enumerate(words):
            self._report(
                *(
                    Delta(message.id, index, f"{word} ", tokens=(number,))
                    for index in choices
                    if number >= told[index]
                )
            )
            await asyncio.sleep(0.01 if words[0] == "slowly" else 0)
        self._report(*(Finished(message.id, index, "stop", len(words)) for index in choices))


async def load(model: str, channel: Channel[ToWorker]) -> bool:
    """Say how loading goes; whether the model can be served."""
    version = PROTOCOL_VERSION + 1 if model == "other-version" else PROTOCOL_VERSION
    channel.send(Hello(version, os.getpid()))
    if model == "dies-loading":
        say("a native library says goodbye")
        await channel.drain()
        os.kill(os.getpid(), signal.SIGABRT)
    if model == "broken":
        channel.send(LoadFailed("config.json is missing"))
        await channel.drain()
        return False
    steps = 20 if model == "slow-load" else 2
    for step in range(steps):
        channel.send(Loading("weights", step, steps))
        await asyncio.sleep(0.05)
    channel.send(Ready(INFO))
    return True


async def run(socket: str, model: str) -> None:
    if model == "dies-at-once":
        say("ImportError: no module named something")
        sys.exit(1)
    if model == "leaves-a-child":
        child = await asyncio.create_subprocess_exec("sleep", "600")
        say(f"my child is {child.pid}")
        os._exit(1)
    if model == "never-connects":
        await asyncio.sleep(60)
    reader, writer = await asyncio.open_unix_connection(socket)
    channel: Channel[ToWorker] = Channel(reader, writer, worker_side())
    if model == "never-greets":
        await asyncio.sleep(60)
    if model == "no-greeting":
        channel.send(Pong(1, 0, 0, 0))
        await asyncio.sleep(60)
    if model == "two-greetings":
        channel.send(Hello(PROTOCOL_VERSION, os.getpid()))
    if await load(model, channel):
        await MockWorker(channel, writer).serve()


def main() -> None:
    line = CommandLine.parse(sys.argv[1:])
    asyncio.run(run(line.socket, line.options.model))


if __name__ == "__main__":
    main()
