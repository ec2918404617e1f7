"""The engine's frames come apart correctly however they are cut, and every wait ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.sandbox import SandboxError
from r1_reward.sandbox.backends.attached import AttachedChannel


def _frame(stream: int, payload: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(payload).to_bytes(4, "big") + payload


def _soon() -> float:
    return time.monotonic() + 20


@pytest.fixture
def pair() -> Iterator[tuple[AttachedChannel, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield AttachedChannel(near, near.close, "box"), far


@given(
    frames=st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(max_size=40)), max_size=12),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    sizes=st.lists(st.integers(1, 17), min_size=1, max_size=6),
)
def test_any_cut_of_any_frames_gives_the_same_bytes(
    frames: list[tuple[int, bytes]], cuts: list[int], sizes: list[int]
) -> None:
    near, far = socket.socketpair()
    with near, far:
        channel = AttachedChannel(near, near.close, "box")
        wire = b"".join(_frame(stream, payload) for stream, payload in frames)
        expected = b"".join(payload for stream, payload in frames if stream == 1)
        got = b""
        turn = 0
        while wire or len(got) < len(expected):
            cut = cuts[turn % len(cuts)]
            far.sendall(wire[:cut])
            wire = wire[cut:]
            turn += 1
            if not wire:
                while len(got) < len(expected):
                    size = min(sizes[len(got) % len(sizes)], len(expected) - len(got))
                    got += channel.receive(size, _soon())
        assert got == expected


def test_a_frame_larger_than_the_sockets_buffer_arrives_whole(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, far = pair
    payload = bytes(range(256)) * 20_000
    sender = threading.Thread(target=lambda: far.sendall(_frame(2, b"noise") + _frame(1, payload)))
    sender.start()
    assert channel.receive(len(payload), _soon()) == payload
    sender.join()


def test_the_end_of_the_connection_is_a_fault_with_its_last_words(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, far = pair
    far.sendall(_frame(1, b"abc") + _frame(2, b"no python3 here\n"))
    far.shutdown(socket.SHUT_WR)
    assert channel.receive(3, _soon()) == b"abc"
    with pytest.raises(SandboxError, match="the agent is gone; it said: no python3 here"):
        channel.receive(1, _soon())


def test_silence_ends_at_the_deadline(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, far = pair
    far.sendall(_frame(1, b"ab"))
    with pytest.raises(SandboxError, match="did not answer in time"):
        channel.receive(3, time.monotonic() + 0.05)
    assert channel.receive(2, _soon()) == b"ab", "what came before the deadline is kept"


def test_a_deadline_in_the_past_still_gives_what_is_there(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, _ = pair
    with pytest.raises(SandboxError):
        channel.receive(1, time.monotonic() - 1)
    with pytest.raises(SandboxError):
        channel.send(b"x", time.monotonic() - 1)


def test_a_deaf_agent_ends_at_the_deadline(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, _ = pair
    with pytest.raises(SandboxError, match="did not take its input in time"):
        channel.send(bytes(50 << 20), time.monotonic() + 0.2)


def test_a_stream_that_is_none_of_ours_is_a_fault(pair: tuple[AttachedChannel, socket.socket]) -> None:
    channel, far = pair
    far.sendall(_frame(7, b"abc"))
    with pytest.raises(SandboxError, match="stream 7"):
        channel.receive(1, _soon())


def test_a_killed_channel_answers_no_more_and_is_killed_once() -> None:
    near, far = socket.socketpair()
    ends = []

    def end() -> None:
        ends.append(1)
        near.close()

    with near, far:
        channel = AttachedChannel(near, end, "box")
        channel.kill()
        channel.kill()
        assert ends == [1]
        with pytest.raises(SandboxError, match="gone"):
            channel.send(b"x", _soon())
        with pytest.raises(SandboxError, match="gone"):
            channel.receive(1, _soon())
