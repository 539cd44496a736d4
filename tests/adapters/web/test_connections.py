"""Slow, silent and too many clients: cut in time, while others are served."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import cast

import pytest

from adapters.patience import ConnectionLimits
from bridge.domain.ids import FileId
from bridge.domain.messages import Attachment
from tests.adapters.web.site import Customer, Site, serve

SHORT = ConnectionLimits(head=0.4, body=0.4, reader=0.4, idle=1.5, linger=0.2, per_address=40)
PATIENCE = 3.0

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def no_traces(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold every test here to this: nothing that a client does is logged with a trace."""
    yield
    assert [r.getMessage() for r in caplog.get_records("call") if r.exc_info] == []


@pytest.fixture
async def hasty() -> AsyncIterator[Site]:
    """A server with short deadlines."""
    async with serve(SHORT) as running:
        yield running


Connect = Callable[[Site], Awaitable[Line]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open bare connections, which are closed in the end."""
    writers: list[asyncio.StreamWriter] = []

    async def open_one(site: Site) -> Line:
        line = await asyncio.open_connection("127.0.0.1", site.server.port)
        writers.append(line[1])
        return line

    yield open_one
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until_cut(line: Line, drip: bytes = b"", every: float = 0.05) -> bytes:
    """Send a byte of `drip` now and then; return what came until the server hung up."""
    reader, writer = line
    came = b""
    rest = list(drip)
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with asyncio.timeout(every):
                    piece = await reader.read(65536)
            except TimeoutError:
                if rest:
                    writer.write(bytes([rest.pop(0)]))
                continue
            except ConnectionResetError:
                return came
            if not piece:
                return came
            came += piece


def head(customer: Customer, path: str, length: int) -> bytes:
    """Return the head of a message's request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {customer.session['token']}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_a_silent_connection_is_cut(hasty: Site, connect: Connect) -> None:
    """Who connects and says nothing is let go."""
    assert b" 408 " in await until_cut(await connect(hasty))


async def test_half_a_head_is_cut(hasty: Site, connect: Connect) -> None:
    """Who begins a head and stops is told that it took too long."""
    line = await connect(hasty)
    line[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    assert b" 408 " in await until_cut(line)


async def test_a_dripping_head_is_cut(hasty: Site, connect: Connect) -> None:
    """One byte of the head now and then buys no time."""
    assert b" 408 " in await until_cut(await connect(hasty), b"GET /" + b"a" * 1000)


async def test_a_dripping_header_is_cut(hasty: Site, connect: Connect) -> None:
    """Nor does one header after the other."""
    line = await connect(hasty)
    line[1].write(b"GET /healthz HTTP/1.1\r\n")
    assert b" 408 " in await until_cut(line, b"A: b\r\n" * 200)


async def test_a_dripping_second_request_is_cut(hasty: Site, connect: Connect) -> None:
    """A connection that was good once has no more time for its next head."""
    line = await connect(hasty)
    line[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await line[0].readuntil(b"}")
    assert b" 408 " in await until_cut(line, b"GET /" + b"a" * 1000)


async def test_a_missing_body_is_cut(hasty: Site, connect: Connect) -> None:
    """Who announces a body and sends none is told that it took too long; nothing is stored."""
    customer = await hasty.open()
    line = await connect(hasty)
    line[1].write(head(customer, "/v1/messages", 100))
    assert b" 408 " in await until_cut(line)
    assert len(hasty.core.facts) == 1


async def test_a_dripping_body_is_cut(hasty: Site, connect: Connect) -> None:
    """One byte of the body now and then buys no time either."""
    customer = await hasty.open()
    line = await connect(hasty)
    line[1].write(head(customer, "/v1/messages", 100_000))
    assert b" 408 " in await until_cut(line, b'{"client_id":"x","text":"' + b"a" * 1000)


async def test_a_dripping_chunked_body_is_cut(hasty: Site, connect: Connect) -> None:
    """The same without a length."""
    customer = await hasty.open()
    line = await connect(hasty)
    chunked = head(customer, "/v1/messages", 0).replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    line[1].write(chunked)
    assert b" 408 " in await until_cut(line, b"1\r\n{\r\n" * 100)


async def test_a_dripping_upload_is_cut_and_not_kept(hasty: Site, connect: Connect) -> None:
    """A file that does not get on is not kept."""
    customer = await hasty.open()
    line = await connect(hasty)
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx'
    request = head(customer, "/v1/files", 100_000)
    line[1].write(request.replace(b"application/json", b"multipart/form-data; boundary=b") + form)
    assert b" 408 " in await until_cut(line, b"y" * 1000)
    assert hasty.files.kept == {}


async def test_a_slow_but_steady_upload_is_taken(connect: Connect) -> None:
    """A body that keeps coming at an honest pace may take longer than the deadline."""
    async with serve(ConnectionLimits(head=0.4, body=0.4, body_rate=2000)) as site:
        customer = await site.open()
        line = await connect(site)
        body = b'{"client_id":"x","text":"' + b"a" * 9000 + b'"}'
        line[1].write(head(customer, "/v1/messages", len(body)))
        for start in range(0, len(body), 1000):
            line[1].write(body[start : start + 1000])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(PATIENCE):
            assert b" 202 " in await line[0].readline()


async def test_a_body_without_end_is_cut(connect: Connect) -> None:
    """A form whose beginning never comes is cut once it is longer than any body may be."""
    async with serve(ConnectionLimits(head=0.4, body=30, largest_body=300_000)) as site:
        customer = await site.open()
        line = await connect(site)
        request = head(customer, "/v1/files", 0)
        request = request.replace(b"application/json", b"multipart/form-data; boundary=b")
        line[1].write(request.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        chunk = b"2710\r\n" + (b"x" * 99 + b"\n") * 100 + b"\r\n"
        for _ in range(60):
            line[1].write(chunk)
        assert b" 408 " in await until_cut(line)


async def test_an_idle_connection_lives_longer(hasty: Site, connect: Connect) -> None:
    """Between two requests a connection may rest for longer than a head may take, not for ever."""
    line = await connect(hasty)
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    line[1].write(request)
    await line[0].readuntil(b"}")
    await asyncio.sleep(0.8)
    line[1].write(request)
    async with asyncio.timeout(PATIENCE):
        assert b" 200 " in await line[0].readuntil(b"}")
    assert await until_cut(line) == b""


async def test_a_slow_reader_of_a_file_is_cut(connect: Connect) -> None:
    """Who downloads and takes nothing is cut."""
    async with serve(SHORT) as site:
        customer = await site.open()
        big = Attachment(FileId("f_big"), "big", "text/plain", 30_000_000)
        site.files.kept[customer.id, big.id] = big, b"x" * big.size
        site.files.customers.add(big.id)
        line = await connect(site)
        request = head(customer, f"/v1/files/{big.id}", 0)
        line[1].write(request.replace(b"POST", b"GET"))
        cast("asyncio.Transport", line[1].transport).pause_reading()
        assert site.server.connections.cut == 0
        async with asyncio.timeout(PATIENCE):
            await site.until(lambda: site.server.connections.cut > 0)
        assert site.server.connections.cut == 1


async def test_leaving_in_the_middle_of_an_answer_is_no_failure_of_ours(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Who hangs up while a file is being sent is let go without a word."""
    async with serve() as site:
        customer = await site.open()
        big = Attachment(FileId("f_big"), "big", "text/plain", 30_000_000)
        site.files.kept[customer.id, big.id] = big, b"x" * big.size
        line = await connect(site)
        line[1].write(head(customer, f"/v1/files/{big.id}", 0).replace(b"POST", b"GET"))
        await line[0].readuntil(b"\r\n\r\n")
        line[1].transport.abort()
        await site.until(lambda: len(site.server.connections) == 1)
        assert (await customer.say("Hello"))[0] == 202
    assert [r.getMessage() for r in caplog.records if r.levelno > logging.INFO] == []


async def test_others_are_served_meanwhile(hasty: Site, connect: Connect) -> None:
    """Thirty slow clients hold up nobody."""
    lines = [await connect(hasty) for _ in range(30)]
    for _, writer in lines:
        writer.write(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\n")
    customer = await hasty.open()
    assert (await customer.say("Hello"))[0] == 202
    for line in lines:
        assert b" 408 " in await until_cut(line)
    assert len(hasty.server.connections) <= 2


async def test_one_address_has_a_bounded_number_of_connections(connect: Connect) -> None:
    """Beyond its share an address hears 503 and is hung up on; when one leaves there is room."""
    async with serve(ConnectionLimits(per_address=3)) as site:
        lines = [await connect(site) for _ in range(3)]
        refused = await connect(site)
        assert b" 503 " in await until_cut(refused)
        assert site.server.connections.refused == 1
        for _, writer in lines:
            writer.close()
        async with asyncio.timeout(PATIENCE):
            await site.until(lambda: len(site.server.connections) == 0)
        assert (await site.ask("GET", "/healthz"))[0] == 200


async def test_all_together_have_a_bounded_number_of_connections(connect: Connect) -> None:
    """The whole server has a bound too."""
    async with serve(ConnectionLimits(total=2)) as site:
        await connect(site)
        await connect(site)
        assert b" 503 " in await until_cut(await connect(site))


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n\r\n"

MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + END,
    "odd version": b"GET /healthz HTTP/9.9\r\nHost: x" + END,
    "space before colon": b"GET /healthz HTTP/1.1\r\nHost : x" + END,
    "folded header": GET + b" a: b\r\n y" + END,
    "bare NUL": GET + b"X: \0" + END,
    "bare line feed": GET + b"X: a\nY: b" + END,
    "length twice": POST + b"Content-Length: 2\r\nContent-Length: 3" + END + b"{}",
    "length and chunked": POST + b"Content-Length: 2\r\n" + CHUNKED + b"\r\n0" + END,
    "negative length": POST + b"Content-Length: -1" + END + b"{}",
    "odd length": POST + b"Content-Length: 2a" + END + b"{}",
    "odd chunk": POST + CHUNKED + b"\r\nzz\r\n{}\r\n0" + END,
    "chunked twice": POST + CHUNKED + CHUNKED + b"\r\n2\r\n{}\r\n0" + END,
    "long target": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x" + END,
    "long header": GET + b"X: " + b"a" * 9000 + END,
    "many headers": GET + b"X: y\r\n" * 5000 + END,
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_not_http_is_refused_and_ended(
    hasty: Site, name: str, connect: Connect
) -> None:
    """Malformed and ambiguous requests get a problem document, nothing else, and are hung up on."""
    line = await connect(hasty)
    line[1].write(MALFORMED[name])
    answer = await until_cut(line)
    assert answer.split(b" ")[1] in {b"400", b"405"}, answer
    assert answer.count(b"HTTP/1.") == 1
    assert b"application/problem+json" in answer
    assert b"Traceback" not in answer
    assert hasty.core.facts == []


ODD = {
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "absolute": b"GET http://evil.example/v1/unknown HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "options star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "upgrade": b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AA==\r\n\r\n",
    "expect": b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\n\r\n",
    "bad escape": b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /v1/unknown HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", ODD)
async def test_odd_requests_are_refused(hasty: Site, name: str, connect: Connect) -> None:
    """Requests that are HTTP, but not for us, get a refusal of the 4xx kind."""
    line = await connect(hasty)
    line[1].write(ODD[name])
    async with asyncio.timeout(PATIENCE):
        status = (await line[0].readline()).split(b" ")[1]
    assert status.startswith(b"4"), status


async def test_a_client_may_ask_before_it_sends(hasty: Site, connect: Connect) -> None:
    """Expect: 100-continue is answered, and the request then taken."""
    line = await connect(hasty)
    line[1].write(
        b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    async with asyncio.timeout(PATIENCE):
        assert b" 100 " in await line[0].readline()
        line[1].write(b"{}")
        await line[0].readline()
        assert b" 201 " in await line[0].readline()


async def test_leaving_in_the_middle_of_a_body_harms_nobody(hasty: Site, connect: Connect) -> None:
    """A client that hangs up in its body stores nothing, and the server goes on."""
    customer = await hasty.open()
    line = await connect(hasty)
    line[1].write(head(customer, "/v1/messages", 100) + b'{"client_id"')
    line[1].close()
    assert (await customer.say("Hello"))[0] == 202
    assert len(hasty.core.facts) == 2


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx'


@pytest.mark.parametrize("ending", ["left", "reset", "cut"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/files"])
async def test_a_body_that_breaks_off_is_no_failure_of_ours(
    hasty: Site, connect: Connect, caplog: pytest.LogCaptureFixture, path: str, ending: str
) -> None:
    """Whether the client leaves or is cut for being slow: nothing is logged as an error."""
    caplog.set_level(logging.DEBUG)
    customer = await hasty.open()
    line = await connect(hasty)
    request = head(customer, path, 500)
    if path == "/v1/files":
        request = request.replace(b"application/json", b"multipart/form-data; boundary=b") + FORM
    line[1].write(request + b'{"client_id"')
    assert (await customer.say("Hello"))[0] == 202
    if ending == "reset":
        line[1].transport.abort()
    elif ending == "left":
        line[1].close()
    else:
        assert b" 408 " in await until_cut(line)
    await hasty.until(lambda: len(hasty.server.connections) == 1)
    assert (await customer.say("Goodbye"))[0] == 202
    assert [r.getMessage() for r in caplog.records if r.levelno > logging.DEBUG] == []
