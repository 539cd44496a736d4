"""The way to one server: what was surely not sent, what may have been, and connections kept."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from yarl import URL

from adapters.outbound import GuardedResolver
from adapters.wire import IDLE_SECONDS, NotSent, Reply, Unanswered, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Word: yes\r\n\r\nok"
HANG_UP = b""


@dataclass
class Server:
    """Answers request after request by a script: bytes to write, or a hang-up."""

    script: list[bytes] = field(default_factory=list)
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        self.open.add(asyncio.ensure_future(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.rpartition(b"Content-Length: ")[2])
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                await self.gate.wait()
                answer = self.script.pop(0) if self.script else OK
                writer.write(answer)
                await writer.drain()
                if answer == HANG_UP or b"close" in answer or b"Content-Length" not in answer:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    *script: bytes, most: int = 8, idle: float = IDLE_SECONDS
) -> AsyncIterator[tuple[Server, Wire]]:
    """Run a server with a script, and give the wire to it."""
    server = Server(list(script))
    server.gate.set()
    listening = await asyncio.start_server(server.take, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    wire = Wire(URL(f"http://127.0.0.1:{server.port}"), GuardedResolver(), most, idle)
    try:
        yield server, wire
    finally:
        await wire.close()
        server.gate.set()
        await asyncio.gather(*server.open)
        listening.close()


async def post(wire: Wire, body: bytes = b"hello", total: float = 5.0) -> Reply:
    """Post to /there."""
    return await wire.post(wire.head("/there", {"X-From": "us"}), body, 2.0, total)


async def test_a_request_is_whole_and_its_answer_too() -> None:
    """Method, host, headers and length go out; status, headers and body come back."""
    async with serving() as (server, wire):
        assert await post(wire) == Reply(200, {"content-length": "2", "x-word": "yes"}, b"ok")
    assert server.requests == [
        b"POST /there HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-From: us\r\n" % server.port
        + b"Content-Length: 5\r\n\r\nhello"
    ]


ANSWERS = {
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "announced": b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_every_form_of_an_answer_is_read(answer: bytes) -> None:
    """Chunked, until the connection ends, after an interim answer, old-fashioned: read alike."""
    async with serving(answer) as (_, wire):
        reply = await post(wire)
    assert (reply.status, reply.body) == (200, b"ok")


BROKEN = {
    "nothing": HANG_UP,
    "no HTTP": b"220 mail.example ESMTP close\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nok",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
    "only an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_whole_answer_leaves_the_request_in_doubt(answer: bytes) -> None:
    """The request went out once, and nobody says how it ended."""
    async with serving(answer) as (server, wire):
        with pytest.raises(Unanswered):
            await post(wire)
        assert len(server.requests) == 1


async def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    """A refused connection, and a name that may not mean an inner address, are `NotSent`."""
    async with serving() as (server, _):
        port = server.port
    wire = Wire(URL(f"http://127.0.0.1:{port}"), GuardedResolver())
    with pytest.raises(NotSent):
        await post(wire)
    with pytest.raises(NotSent):
        await post(wire)
    await wire.close()


async def test_a_handshake_that_fails_was_sent_nothing() -> None:
    """What does not speak TLS is told no secret."""
    async with serving(HANG_UP) as (server, _):
        wire = Wire(URL(f"https://127.0.0.1:{server.port}"), GuardedResolver())
        with pytest.raises(NotSent):
            await post(wire)
        assert server.requests == []
        await wire.close()


async def test_an_answer_that_does_not_come_in_time_is_in_doubt() -> None:
    """The connection is not used again: the late answer would be taken for another's."""
    async with serving() as (server, wire):
        server.gate.clear()
        with pytest.raises(Unanswered):
            await post(wire, total=0.05)
        server.gate.set()
        assert (await post(wire)).body == b"ok"
        assert server.connections == 2


async def test_a_connection_is_kept_for_the_next_request() -> None:
    """Request after request, one connection."""
    async with serving() as (server, wire):
        for _ in range(5):
            await post(wire)
        assert (len(server.requests), server.connections) == (5, 1)


async def closed_by_server(wire: Wire, server: Server) -> None:
    """Let the server end the connection after an answer, and the wire hear of it."""
    server.script = [OK.replace(b"200 OK", b"200 close")]
    await post(wire)
    await asyncio.gather(*server.open)
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_connection_the_server_closed_is_not_used_again() -> None:
    """The next request takes a fresh one and is not in doubt."""
    async with serving() as (server, wire):
        await closed_by_server(wire, server)
        assert (await post(wire)).body == b"ok"
        assert server.connections == 2


async def test_a_connection_that_idled_for_too_long_is_not_used_again() -> None:
    """The server may be about to close it, so the next request takes a fresh one."""
    async with serving(idle=0.0) as (server, wire):
        await post(wire)
        await post(wire)
        assert server.connections == 2


async def test_a_connection_is_not_used_again_after_its_last_answer() -> None:
    """A server that says it will close may read no more, though it has not closed yet."""
    last = OK.replace(b"Content-Length", b"Connection: Close\r\nContent-Length")
    async with serving(last) as (server, wire):
        await post(wire)
        assert (await post(wire)).body == b"ok"
        assert server.connections == 2


async def test_the_answer_to_what_was_given_up_is_nobodys() -> None:
    """A request that was cancelled is answered all the same: the next one gets its own answer."""
    async with serving(OK.replace(b"ok", b"no"), OK) as (server, wire):
        server.gate.clear()
        first = asyncio.ensure_future(post(wire))
        await server.asked.wait()
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.ensure_future(post(wire))
        server.gate.set()
        assert (await second).body == b"ok"


async def test_bytes_nobody_asked_for_end_a_connection() -> None:
    """A second answer to one request, or its beginning, is never taken for the next one's."""
    for surplus in (OK.replace(b"ok", b"no"), OK[:20]):
        async with serving(OK + surplus) as (server, wire):
            assert (await post(wire)).body == b"ok"
            assert (await post(wire)).body == b"ok"
            assert server.connections == 2


@pytest.mark.parametrize("most", [1, 3])
async def test_no_more_connections_than_agreed(most: int) -> None:
    """The others wait their turn, and every one gets its answer."""
    async with serving(most=most) as (server, wire):
        replies = await asyncio.gather(*(post(wire, b"%d" % n) for n in range(20)))
        assert {reply.body for reply in replies} == {b"ok"}
        assert server.connections <= most
        order = [request.rpartition(b"\r\n")[2] for request in server.requests]
        assert sorted(order, key=int) == [b"%d" % n for n in range(20)]


async def test_a_turn_that_does_not_come_in_time_was_sent_nothing() -> None:
    """Waiting for a connection ends as waiting to connect does."""
    async with serving(most=1) as (server, wire):
        server.gate.clear()
        first = asyncio.ensure_future(post(wire))
        await server.asked.wait()
        with pytest.raises(NotSent):
            await wire.post(wire.head("/", {}), b"", 0.05, 5.0)
        server.gate.set()
        assert (await first).body == b"ok"
        assert (await post(wire)).body == b"ok"


CANCELLED: dict[str, Callable[[Server], None]] = {
    "while it waits for its turn": lambda server: None,
    "while it waits for its answer": lambda server: server.gate.clear(),
}


@pytest.mark.parametrize("prepare", CANCELLED.values(), ids=CANCELLED)
async def test_giving_up_leaves_room_for_others(prepare: Callable[[Server], None]) -> None:
    """A request that is cancelled takes no connection along and spoils none."""
    async with serving(most=1) as (server, wire):
        prepare(server)
        tasks = [asyncio.ensure_future(post(wire)) for _ in range(3)]
        await server.asked.wait()
        tasks[1].cancel()
        tasks[0].cancel()
        server.gate.set()
        assert (await tasks[2]).body == b"ok"
        assert (await post(wire)).body == b"ok"
        await asyncio.gather(*tasks, return_exceptions=True)
