"""A connection: order, back-pressure, and every way in which a peer can end or misbehave."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.events import Delta
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.wire import codec
from pippin.wire.channel import Channel
from pippin.wire.codec import BrokenFrame, encode, gateway_side, worker_side
from pippin.wire.messages import Ping, Pong, Report, Submit, ToGateway, ToWorker

from .strategies import any_to_gateway

pytestmark = pytest.mark.anyio

BIG = "x" * 1024 * 1024


@asynccontextmanager
async def gateway_and_socket() -> AsyncIterator[tuple[Channel[ToGateway], socket.socket]]:
    """The gateway's channel, and the bare socket of its peer."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    channel = Channel(reader, writer, gateway_side())
    try:
        yield channel, theirs
    finally:
        theirs.close()
        channel.abort()


@asynccontextmanager
async def both_ends() -> AsyncIterator[tuple[Channel[ToGateway], Channel[ToWorker]]]:
    async with gateway_and_socket() as (gateway, theirs):
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        worker = Channel(reader, writer, worker_side())
        yield gateway, worker
        worker.abort()


async def received(channel: Channel[ToGateway]) -> list[ToGateway]:
    return [message async for message in channel.messages()]


def submit(id: int, text: str) -> Submit:
    return Submit(id, GenerationRequest(prompt=TextPrompt(text=text)))


@settings(max_examples=25, deadline=None)
@given(st.lists(any_to_gateway, max_size=10))
def test_messages_arrive_whole_and_in_order(messages: list[ToGateway]) -> None:
    async def play() -> None:
        async with both_ends() as (gateway, worker):
            for message in messages:
                worker.send(message)
            await worker.close()
            assert await received(gateway) == messages

    asyncio.run(play())


async def test_drain_waits_for_a_slow_peer_and_nothing_is_lost() -> None:
    async with both_ends() as (gateway, worker):
        for id in range(8):
            gateway.send(submit(id, BIG))
        assert gateway.unsent_bytes > 4 * len(BIG)
        draining = asyncio.create_task(gateway.drain())
        await asyncio.sleep(0.05)
        assert not draining.done()
        ids = []
        async for message in worker.messages():
            assert isinstance(message, Submit)
            ids.append(message.id)
            if len(ids) == 8:
                break
        await draining
        assert ids == list(range(8))
        assert gateway.unsent_bytes == 0


async def test_a_peer_that_reads_nothing_does_not_grow_our_reader() -> None:
    async with both_ends() as (gateway, worker):
        for id in range(32):
            worker.send(Report((Delta(id, 0, BIG),)))
        await asyncio.sleep(0.1)
        assert worker.unsent_bytes > 16 * len(BIG)
        count = 0
        async for _ in gateway.messages():
            count += 1
            if count == 32:
                break
        assert worker.unsent_bytes == 0


async def test_closing_between_frames_is_an_end() -> None:
    async with gateway_and_socket() as (gateway, theirs):
        theirs.send(encode(Pong(1, 2, 3, 4)))
        theirs.close()
        assert await received(gateway) == [Pong(1, 2, 3, 4)]


@pytest.mark.parametrize("kept", [1, 3, 4, 10])
async def test_closing_inside_a_frame_is_broken(kept: int) -> None:
    async with gateway_and_socket() as (gateway, theirs):
        theirs.send(encode(Pong(1, 2, 3, 4)) + encode(Pong(2, 2, 3, 4))[:kept])
        theirs.close()
        messages = gateway.messages()
        assert await anext(messages) == Pong(1, 2, 3, 4)
        with pytest.raises(BrokenFrame, match="inside a frame"):
            await anext(messages)


async def test_what_came_before_garbage_may_be_lost_but_garbage_is_broken() -> None:
    async with gateway_and_socket() as (gateway, theirs):
        theirs.send(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(BrokenFrame):
            await received(gateway)


async def test_sending_to_a_peer_that_is_gone_is_silent() -> None:
    async with gateway_and_socket() as (gateway, theirs):
        theirs.close()
        for id in range(100):
            gateway.send(Ping(id))
            await gateway.drain()
            await asyncio.sleep(0)
        assert await received(gateway) == []
        await gateway.close()
        gateway.send(Ping(1))


async def test_a_message_over_the_limit_leaves_the_connection_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both_ends() as (gateway, worker):
        with monkeypatch.context() as patch:
            patch.setattr(codec, "MAX_FRAME_BYTES", 1000)
            with pytest.raises(BrokenFrame, match="over the frame limit"):
                gateway.send(submit(1, BIG))
        gateway.send(Ping(2))
        assert await anext(worker.messages()) == Ping(2)


async def test_abort_does_not_wait_for_the_peer() -> None:
    async with gateway_and_socket() as (gateway, _):
        for id in range(8):
            gateway.send(submit(id, BIG))
        gateway.abort()
        assert await received(gateway) == []
