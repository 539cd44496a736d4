"""The short way: the same answers as the long one, in the same order, and nothing else."""

import asyncio
import gc
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from multidict import CIMultiDict

from adapters.connections import Connection
from adapters.http import HttpServer, HttpSettings, Site, build_http_app
from adapters.metrics import Metrics
from adapters.patience import ConnectionLimits
from adapters.problems import Problem
from adapters.web.openapi import describe
from tests.adapters.web.fakes import ShiftedClock
from tests.adapters.web.test_http import serving

LINE = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DATE = re.compile(rb"\r\ndate: [^\r]+", re.IGNORECASE)


class Handlers:
    """Handlers that note which way each request came."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.go = asyncio.Event()
        self.began = asyncio.Event()

    def note(self, request: web.Request) -> None:
        """Note the way of a request."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        self.ways.append("long" if connection._answering is None else "short")  # noqa: SLF001 -- nothing else tells

    async def echo(self, request: web.Request) -> web.StreamResponse:
        """Answer with the body and where the request was found to go."""
        self.note(request)
        found = f"{request.match_info.route.resource!r} {request.app is not None} ".encode()
        return web.Response(status=202, body=found + await request.read(), headers={"X-Own": "1"})

    async def bare(self, request: web.Request) -> web.StreamResponse:
        """Answer that there is nothing to say."""
        self.note(request)
        return web.Response(status=204)

    async def text(self, request: web.Request) -> web.StreamResponse:
        """Answer with text, under headers that are usually ours, and one that stands twice."""
        self.note(request)
        headers = CIMultiDict([("cache-control", "max-age=1"), ("Link", "<a>"), ("Link", "<b>")])
        return web.Response(text="gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n", headers=headers)

    async def refuse(self, request: web.Request) -> web.StreamResponse:
        """Refuse."""
        self.note(request)
        raise Problem(409, "No.").with_headers({"Retry-After": "7"})

    async def fail(self, request: web.Request) -> web.StreamResponse:
        """Fail."""
        self.note(request)
        raise RuntimeError("of the inside")

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Send elsewhere."""
        self.note(request)
        raise web.HTTPFound("/elsewhere")

    async def pieces(self, request: web.Request) -> web.StreamResponse:
        """Answer piece by piece."""
        self.note(request)
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"one ", b"two"):
            await response.write(piece)
        return response

    async def last(self, request: web.Request) -> web.StreamResponse:
        """Answer and hang up."""
        self.note(request)
        response = web.Response(text="bye")
        response.force_close()
        return response

    async def large(self, request: web.Request) -> web.StreamResponse:
        """Answer with more than was asked with."""
        self.note(request)
        return web.Response(body=b"x" * 65_536)

    async def wait(self, request: web.Request) -> web.StreamResponse:
        """Answer when told to."""
        self.note(request)
        self.began.set()
        await self.go.wait()
        return web.Response(text=(await request.read()).decode())

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each."""
        names = [
            "echo",
            "bare",
            "text",
            "refuse",
            "fail",
            "elsewhere",
            "pieces",
            "last",
            "large",
            "wait",
        ]
        posts = [web.post(f"/{name}", getattr(self, name)) for name in names]
        return [*posts, web.post("/of/{id}", self.echo), web.get("/echo", self.echo)]


@pytest.fixture
def handlers() -> Handlers:
    """The handlers of one test."""
    return Handlers()


@asynccontextmanager
async def connected(
    handlers: Handlers, settings: HttpSettings | None = None
) -> AsyncIterator[LINE]:
    """Serve the handlers and open one connection."""
    async with serving(*handlers.routes(), settings=settings) as url:
        line = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        try:
            yield line
        finally:
            line[1].close()


def request(path: str, body: bytes = b"", *more: str, method: str = "POST") -> bytes:
    """Return a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answer(line: LINE) -> bytes:
    """Return the next whole answer, interim ones left out."""
    async with asyncio.timeout(5):
        head = await line[0].readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            return await answer(line)
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length is not None:
            return head + await line[0].readexactly(int(length[1]))
        if b"chunked" in head.lower():
            return head + await line[0].readuntil(b"0\r\n\r\n")
        return head


def told(raw: bytes) -> tuple[bytes, frozenset[bytes], bytes]:
    """Return an answer's status line, its headers without the date, and its body."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, _, rest = head.partition(b"\r\n")
    lines = DATE.sub(b"", b"\r\n" + rest).split(b"\r\n")
    return status, frozenset(line.lower() for line in lines if line), body


ROUTES = ("echo", "bare", "text", "refuse", "fail", "elsewhere", "pieces")


@pytest.mark.parametrize("name", ROUTES)
async def test_both_ways_give_the_same_answer(handlers: Handlers, name: str) -> None:
    """A request that came whole is answered as one is whose sender asked to go on first."""
    async with connected(handlers) as line:
        line[1].write(request(f"/{name}", b"words"))
        short = await answer(line)
        line[1].write(request(f"/{name}", b"words", "Expect: 100-continue"))
        long = await answer(line)
    assert handlers.ways == ["short", "long"]
    status, headers, body = told(long)
    # aiohttp names a type for a body that is not there.
    assert told(short) == (status, headers - {b"content-type: application/octet-stream"}, body) or (
        told(short) == told(long)
    )
    assert b"\r\nDate: " in short


LONG = {
    "in two pieces": [b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwo", b"rds"],
    "chunked": [
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwo",
        b"rds\r\n0\r\n\r\n",
    ],
    "a path with a name": [request("/of/7", b"words")],
    "a query": [request("/echo?a=1", b"words")],
    "another method": [request("/echo", b"words", method="GET")],
    "HTTP/1.0": [request("/echo", b"words").replace(b"HTTP/1.1", b"HTTP/1.0")],
    "the last one": [request("/echo", b"words", "Connection: close")],
    "an upgrade": [request("/echo", b"words", "Connection: upgrade", "Upgrade: h2c")],
}


@pytest.mark.parametrize("what", LONG)
async def test_what_is_unusual_goes_the_long_way(handlers: Handlers, what: str) -> None:
    """Whatever is not a whole POST to a fixed path is aiohttp's, and answered as well."""
    async with connected(handlers) as line:
        for piece in LONG[what]:
            line[1].write(piece)
            await asyncio.sleep(0.05)
        raw = await answer(line)
    assert raw.partition(b"\r\n")[0].endswith(b" 202 Accepted")
    assert handlers.ways == ["long"]


async def test_requests_in_one_piece_are_answered_in_order(handlers: Handlers) -> None:
    """Requests that share their bytes wait for each other."""
    async with connected(handlers) as line:
        line[1].write(b"".join(request("/echo", b"number %d." % n) for n in range(5)))
        bodies = [told(await answer(line))[2] for _ in range(5)]
    assert [body.rpartition(b"number ")[2] for body in bodies] == [b"%d." % n for n in range(5)]


@pytest.mark.parametrize("first", ["short", "long"])
async def test_an_answer_waits_for_the_one_before(handlers: Handlers, first: str) -> None:
    """What comes while a request is being answered, by either way, is answered after it."""
    more = () if first == "short" else ("Expect: 100-continue",)
    async with connected(handlers) as line:
        line[1].write(request("/wait", b"the first", *more))
        await handlers.began.wait()
        for number in range(3):
            line[1].write(request("/echo", b"number %d." % number))
            await asyncio.sleep(0.02)
        assert handlers.ways == [first]
        handlers.go.set()
        bodies = [told(await answer(line))[2] for _ in range(4)]
    assert bodies[0] == b"the first"
    assert [body.rpartition(b"number ")[2] for body in bodies[1:]] == [b"0.", b"1.", b"2."]


async def test_the_rest_of_a_refused_body_is_no_request(handlers: Handlers) -> None:
    """A request hidden in the body of one that was answered early is never carried out."""
    hidden = request("/echo", b"hidden")
    async with connected(handlers) as line:
        line[1].write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert told(await answer(line))[0].endswith(b"409 Conflict")
        line[1].write(hidden)
        await asyncio.sleep(0.05)
        line[1].write(b" " * (1000 - len(hidden)) + request("/echo", b"after"))
        assert told(await answer(line))[2].endswith(b"after")
    assert handlers.ways == ["long", "long"]


async def test_the_last_answer_ends_the_connection(handlers: Handlers) -> None:
    """An answer that says that it is the last one is."""
    async with connected(handlers) as line:
        line[1].write(request("/last"))
        assert told(await answer(line))[2] == b"bye"
        async with asyncio.timeout(5):
            assert await line[0].read() == b""
    assert handlers.ways == ["short"]


async def test_a_stop_waits_for_the_answer(handlers: Handlers) -> None:
    """A server that is told to stop gives the answer first, then hangs up."""

    async def later() -> None:
        await handlers.began.wait()
        await asyncio.sleep(0.2)
        handlers.go.set()

    async with asyncio.TaskGroup() as group:
        async with serving(*handlers.routes(), settings=HttpSettings(port=0, grace=5.0)) as url:
            line = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            line[1].write(request("/wait", b"at last"))
            group.create_task(later())
            await handlers.began.wait()
        assert told(await answer(line))[2] == b"at last"
        assert await line[0].read() == b""
        line[1].close()
    assert handlers.ways == ["short"]


async def test_only_idle_connections_are_too_old(handlers: Handlers) -> None:
    """A connection is kept while it is used, however long a request takes, and not for ever."""
    limits = ConnectionLimits(idle=0.4)
    async with connected(handlers, HttpSettings(port=0, grace=0.5, limits=limits)) as line:
        for number in range(4):
            line[1].write(request("/echo", b"number %d" % number))
            assert told(await answer(line))[2].endswith(b"number %d" % number)
            await asyncio.sleep(0.2)
        line[1].write(request("/wait", b"long"))
        await asyncio.sleep(1.0)
        handlers.go.set()
        assert told(await answer(line))[2] == b"long"
        async with asyncio.timeout(5):
            assert await line[0].read() == b""
    assert handlers.ways == ["short"] * 5


async def test_a_client_that_left_harms_nobody(handlers: Handlers) -> None:
    """A request whose sender hangs up is carried out, and the next connection served."""
    async with serving(*handlers.routes()) as url:
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/wait", b"gone"))
        await handlers.began.wait()
        writer.transport.abort()
        await asyncio.sleep(0.05)
        handlers.go.set()
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(request("/echo", b"here"))
        assert told(await answer(line))[2].endswith(b"here")
        line[1].close()


async def test_what_no_parser_takes_leaves_nothing_behind(handlers: Handlers) -> None:
    """A connection whose bytes make no sense is told so, ended, and let go of."""
    serves = HttpSettings(port=0, grace=0.5)
    site = Site(dict, describe, Metrics(), ShiftedClock())
    async with HttpServer(
        build_http_app(handlers.routes(), serves, site), serves, site.clock
    ) as server:
        for busy in (False, True):
            line = await asyncio.open_connection("127.0.0.1", server.port)
            await asyncio.sleep(0.02)
            if busy:
                line[1].write(request("/wait", b"first"))
                await handlers.began.wait()
            line[1].write(b"POST http://[]@ HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(5):
                came = await line[0].read()
            assert came.startswith(b"HTTP/1.1 400 ") is not busy
            handlers.go.set()
            line[1].close()
        await asyncio.sleep(0.1)
        gc.collect()
        left = [
            found
            for found in gc.get_objects()
            if isinstance(found, Connection) and found._connections is server.connections  # noqa: SLF001 -- other tests have some too
        ]
    assert left == []


async def test_who_does_not_read_gets_no_more(handlers: Handlers) -> None:
    """Answers that nobody takes do not pile up: the next request waits until they are taken."""
    async with serving(*handlers.routes()) as url:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", int(url.rpartition(":")[2])))
            await asyncio.sleep(0.02)
            for _ in range(300):
                client.send(request("/large"))
                await asyncio.sleep(0.002)
            handled = len(handlers.ways)
            await asyncio.sleep(0.1)
            assert len(handlers.ways) == handled
    # What the kernel holds for one connection, some megabytes, is not ours to bound.
    assert handled < 200


@pytest.mark.parametrize(
    ("leaves", "grace", "takes", "ends"),
    [(True, 5.0, 0.5, ["began", "done"]), (False, 0.3, 30.0, ["began", "cut short"])],
)
async def test_nothing_is_answered_after_a_stop(
    leaves: bool, grace: float, takes: float, ends: list[str]
) -> None:
    """A stop waits also for what somebody asked for who left, and cuts short what takes long."""
    log: list[str] = []
    began = asyncio.Event()

    async def takes_long(request: web.Request) -> web.StreamResponse:
        log.append("began")
        began.set()
        try:
            await asyncio.sleep(takes)
        except asyncio.CancelledError:
            log.append("cut short")
            raise
        log.append("done")
        return web.Response(status=204)

    settings = HttpSettings(port=0, grace=grace)
    async with serving(web.post("/long", takes_long), settings=settings) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        await asyncio.sleep(0.02)
        writer.write(request("/long"))
        async with asyncio.timeout(5):
            await began.wait()
        if leaves:
            writer.transport.abort()
            await asyncio.sleep(0.05)
    assert log == ends
    writer.close()


async def test_a_request_that_would_be_something_else_is_the_last(handlers: Handlers) -> None:
    """After a request that asks for another protocol the connection ends."""
    async with connected(handlers) as line:
        upgrade = request("/refuse", b"words", "Connection: upgrade", "Upgrade: websocket")
        line[1].write(upgrade + request("/echo", b"after"))
        assert told(await answer(line))[0].endswith(b"409 Conflict")
        async with asyncio.timeout(5):
            assert await line[0].read() == b""
    assert handlers.ways == ["long"]
