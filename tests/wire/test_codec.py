"""Frames: whatever the pieces, the same messages; whatever the bytes, a message or BrokenFrame."""

import contextlib
import struct
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin.wire import codec
from pippin.wire.codec import (
    HEADER,
    MAX_FRAME_BYTES,
    BrokenFrame,
    encode,
    gateway_side,
    worker_side,
)
from pippin.wire.messages import Pong, Submit, ToGateway, ToWorker

from .strategies import any_to_gateway, any_to_worker


def frame(payload: bytes) -> bytes:
    return HEADER.pack(len(payload)) + payload


@given(any_to_worker)
def test_every_message_to_a_worker_round_trips(message: ToWorker) -> None:
    assert worker_side().feed(encode(message)) == [message]


@given(any_to_gateway)
def test_every_message_to_the_gateway_round_trips(message: ToGateway) -> None:
    assert gateway_side().feed(encode(message)) == [message]


@given(st.lists(any_to_gateway, max_size=5), st.data())
def test_any_split_gives_the_same_messages(messages: list[ToGateway], data: st.DataObject) -> None:
    stream = b"".join(encode(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    decoder = gateway_side()
    got: list[ToGateway] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += decoder.feed(stream[start:end])
    assert got == messages
    assert decoder.pending_bytes == 0


@given(any_to_gateway, st.data())
def test_a_truncated_frame_waits_and_is_counted(message: ToGateway, data: st.DataObject) -> None:
    stream = encode(message)
    end = data.draw(st.integers(0, len(stream) - 1))
    decoder = gateway_side()
    assert decoder.feed(stream[:end]) == []
    assert decoder.pending_bytes == end


@given(st.binary(max_size=200))
def test_garbage_in_a_frame_is_a_message_or_broken(payload: bytes) -> None:
    for decoder in (gateway_side(), worker_side()):
        with contextlib.suppress(BrokenFrame):
            assert len(decoder.feed(frame(payload))) == 1


@given(any_to_gateway, st.data())
def test_a_flipped_byte_is_a_message_or_broken(message: ToGateway, data: st.DataObject) -> None:
    payload = bytearray(encode(message)[HEADER.size :])
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BrokenFrame):
        gateway_side().feed(frame(bytes(payload)))


@given(st.binary(max_size=500), st.integers(1, 50))
def test_a_stream_of_garbage_never_raises_anything_else(stream: bytes, size: int) -> None:
    decoder = worker_side()
    try:
        for start in range(0, len(stream), size):
            decoder.feed(stream[start : start + size])
    except BrokenFrame:
        pass


def test_an_oversize_length_is_refused_before_its_bytes_arrive() -> None:
    with pytest.raises(BrokenFrame, match="over the limit"):
        gateway_side().feed(struct.pack(">I", MAX_FRAME_BYTES + 1))


def test_an_oversize_message_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_FRAME_BYTES", 4)
    with pytest.raises(BrokenFrame, match="over the frame limit"):
        encode(Pong(1, 2, 3, 4))


def test_an_empty_frame_is_broken() -> None:
    with pytest.raises(BrokenFrame):
        gateway_side().feed(frame(b""))


@pytest.mark.parametrize(
    "value",
    [
        {"type": "no-such-tag"},
        {"type": "pong"},
        {"type": "pong", "id": "one", "decoding": 0, "prefilling": 0, "waiting": 0},
        {"type": "report", "events": [["delta", 1, 0]]},
        {"type": "report", "events": [["delta", 1, 0, 5]]},
        {"type": "report", "events": [["finished", 1, 0, "tired", 5]]},
        {"type": 7},
        ["pong", 1, 2, 3, 4],
        None,
        "hello",
    ],
)
def test_wrong_tags_and_types_are_broken(value: object) -> None:
    with pytest.raises(BrokenFrame):
        gateway_side().feed(frame(msgspec.msgpack.encode(value)))


def test_a_message_of_the_other_direction_is_broken() -> None:
    with pytest.raises(BrokenFrame):
        worker_side().feed(encode(Pong(1, 0, 0, 0)))


def test_deep_nesting_is_broken() -> None:
    nested = b"\x91" * 100_000 + b"\xc0"
    key = msgspec.msgpack.encode
    submit = b"\x83" + key("type") + key("submit") + key("id") + key(1) + key("request") + nested
    for payload in (nested, submit):
        with pytest.raises(BrokenFrame):
            worker_side().feed(frame(payload))


def test_trailing_bytes_in_a_frame_are_broken() -> None:
    payload = encode(Pong(1, 0, 0, 0))[HEADER.size :] + b"\x00"
    with pytest.raises(BrokenFrame):
        gateway_side().feed(frame(payload))


def test_the_unions_are_closed_over_their_tags() -> None:
    for union in (ToWorker, ToGateway):
        tags = [kind.__struct_config__.tag for kind in get_args(union)]
        assert len(set(tags)) == len(tags)
    assert Submit in get_args(ToWorker)
