"""A process that stands still, and readers that do."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.databases import sqlite_url
from tests.faults.scenes import one_world
from tests.proof.harness import Bridge, Proof, Talk


@pytest.mark.fault("F41")
async def test_a_blocked_event_loop_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten seconds in which nothing ran are in the log with their length; a usual round is not."""
    async with one_world(tmp_path) as world:
        await world.pass_time(9, step=3)
        assert "this process stood still" not in caplog.text
        # Behind this in the store's queue, the renewal of the leases is done and waits again.
        await world.relay.store.tenure()
        await world.settle()
        world.clock.advance(13)
        await world.settle()
    stalls = [vars(record) for record in caplog.records if record.msg == "this process stood still"]
    assert [stall["seconds"] for stall in stalls] == [pytest.approx(10, abs=3)]


READERS = 1000
EACH = 5
LINES = 40
TEXT = "x" * 7000
MOST_GROWTH = 96 * 1024 * 1024
"""Bytes: a third of what would pile up if all were kept for all who do not read."""


def resident(bridge: Bridge) -> int:
    """Return the bytes of memory a bridge has."""
    assert bridge.process is not None
    status = Path(f"/proc/{bridge.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def connections(bridge: Bridge) -> int:
    """Return how many files and sockets a bridge has open."""
    assert bridge.process is not None
    return len(list(Path(f"/proc/{bridge.process.pid}/fd").iterdir()))


class TalkingToNobody(Proof):
    """A bridge without an assistant, so that all the work is for those who read."""

    def environment(self) -> dict[str, str]:
        """Return the settings of every bridge."""
        return super().environment() | {"HANDOFF_ASSISTANT": "none"}


async def stalled_stream(proof: Proof, number: int, talk: Talk) -> socket.socket:
    """Open a stream of a conversation whose reader takes nothing after the head."""
    ticket = (await proof.call("POST", "/v1/stream-tickets", talk))["ticket"]
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.setblocking(False)
    # Addresses of the loopback, as many as one needs for so many readers.
    line.bind((f"127.0.1.{1 + number // 100}", 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", proof.bridges[0].port))
    asked = f"GET /v1/stream?ticket={ticket}&after=0 HTTP/1.1\r\nHost: x\r\n\r\n"
    await loop.sock_sendall(line, asked.encode())
    assert b" 200 " in await loop.sock_recv(line, 20)
    return line


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.fault("F39")
async def test_a_thousand_readers_that_take_nothing_are_dropped(tmp_path: Path) -> None:
    """What is said to them is not piled up, those who read are served meanwhile, and in the end
    the stalled ones are cut.
    """
    proof = TalkingToNobody(sqlite_url(tmp_path), tmp_path)
    async with proof.running():
        talks = []
        for number in range(READERS // EACH):
            opened = await proof.call("POST", "/v1/sessions", name=f"Customer {number}")
            talks.append(Talk(number, opened["token"], opened["conversation_id"]))
        stalled = [
            await stalled_stream(proof, number, talks[number // EACH]) for number in range(READERS)
        ]
        before, lines = resident(proof.bridges[0]), connections(proof.bridges[0])
        assert lines >= READERS
        for number in range(LINES):
            async with asyncio.TaskGroup() as writing:
                for talk in talks:
                    body = {"client_id": f"{number}", "text": TEXT}
                    writing.create_task(proof.call("POST", "/v1/messages", talk, **body))
        assert resident(proof.bridges[0]) - before < MOST_GROWTH
        assert await reads(proof, talks[0]) == LINES
        assert await proof.until(lambda: connections(proof.bridges[0]) < lines - READERS + 50)
        assert resident(proof.bridges[0]) - before < MOST_GROWTH
        for line in stalled:
            line.close()


async def reads(proof: Proof, talk: Talk) -> int:
    """Read a conversation's stream from its beginning until all its lines came; count them."""
    ticket = (await proof.call("POST", "/v1/stream-tickets", talk))["ticket"]
    asked = {"ticket": ticket, "after": "0"}
    count = 0
    async with proof.session.get(f"{proof.bridges[0].url}/v1/stream", params=asked) as stream:
        async for line in stream.content:
            count += line.startswith(b"event: message")
            if count == LINES:
                break
    return count
