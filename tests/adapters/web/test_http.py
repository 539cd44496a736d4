"""What holds for every answer: health, headers, refusals as problem documents, numbers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from adapters.http import Component, HttpServer, HttpSettings, Site, build_http_app
from adapters.metrics import Metrics
from adapters.web.openapi import describe
from bridge.domain.errors import StoreUnavailable
from bridge.ports.store import Unstorable
from tests.adapters.web.fakes import ShiftedClock
from tests.adapters.web.site import Site as WholeSite
from tests.adapters.web.site import serve


@asynccontextmanager
async def serving(
    *routes: web.RouteDef, settings: HttpSettings | None = None
) -> AsyncIterator[str]:
    """Serve these routes; yields the address."""
    chosen = settings or HttpSettings(port=0, grace=0.5)
    clock = ShiftedClock()
    site = Site(lambda: {"store": Component("ok", ready=True)}, describe, Metrics(), clock)
    async with HttpServer(build_http_app(routes, chosen, site), chosen, clock) as server:
        yield f"http://127.0.0.1:{server.port}"


async def test_it_is_alive_and_ready(site: WholeSite) -> None:
    """The process says that it lives; it is ready once every component is."""
    assert await site.ask("GET", "/healthz") == (200, {"status": "alive"})
    status, states = await site.ask("GET", "/readyz")
    assert (status, states["ready"]) == (200, True)
    site.components["slack"] = Component("connecting", ready=False)
    status, states = await site.ask("GET", "/readyz")
    assert (status, states["ready"]) == (503, False)
    assert states["components"]["slack"] == {"state": "connecting", "ready": False}
    assert (await site.ask("GET", "/healthz"))[0] == 200


async def test_any_page_may_ask_whether_it_is_alive(site: WholeSite) -> None:
    """The widget finds out whether the bridge is there before it shows itself."""
    headers = {"Origin": "https://anywhere.example"}
    async with site.http.get(site.url + "/healthz", headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/healthz", "/v1/conversation", "/nowhere", "/metrics"])
async def test_every_answer_is_careful(site: WholeSite, path: str) -> None:
    """Answers are not sniffed, kept, framed or told to others; the server names no version."""
    async with site.http.get(site.url + path) as answer:
        headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "handoff-bridge"
    assert "Set-Cookie" not in headers


async def test_an_adapter_keeps_its_own_headers() -> None:
    """A page that brings its own policy keeps it."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="x", headers={"Content-Security-Policy": "default-src 'self'"})

    async with (
        serving(web.get("/page", page)) as url,
        aiohttp.ClientSession() as http,
        http.get(url + "/page") as answer,
    ):
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'"


RAISED = {
    "unauthorized": (web.HTTPUnauthorized(text="The signature does not fit."), 401),
    "plain refusal": (web.HTTPConflict(), 409),
    "redirection": (web.HTTPFound("https://elsewhere.example"), 302),
    "store": (StoreUnavailable("no disk"), 503),
    "unstorable": (Unstorable("odd value"), 422),
    "our own mistake": (RuntimeError("SECRET detail"), 500),
    "somebody else's connection": (ConnectionResetError("SECRET peer"), 500),
    "time-out": (TimeoutError("SECRET time"), 500),
}


@pytest.mark.parametrize("name", RAISED)
async def test_every_exception_is_an_answer(name: str) -> None:
    """Whatever a handler raises becomes a problem document that tells nothing of the inside."""
    error, status = RAISED[name]

    async def raises(request: web.Request) -> web.Response:
        raise error

    async with (
        serving(web.get("/x", raises)) as url,
        aiohttp.ClientSession() as http,
        http.get(url + "/x", allow_redirects=False) as answer,
    ):
        assert answer.status == status
        text = await answer.text()
    assert "SECRET" not in text
    if status >= 400:
        assert answer.content_type == "application/problem+json"
    if status == 503:
        assert int(answer.headers["Retry-After"]) >= 1
    if name == "unauthorized":
        assert "The signature does not fit." in text


async def test_an_answer_that_breaks_off_is_not_patched_up() -> None:
    """When a handler fails in the middle of its answer, the connection ends, visibly too early."""

    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"half")
        raise OSError("disk")

    async with serving(web.get("/x", breaks)) as url, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with http.get(url + "/x") as answer:
                await answer.read()


async def test_a_client_that_vanished_in_its_body_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also when the machine gives up on it for want of any sign, which is another error."""
    reading: list[web.RequestHandler] = []
    begun = asyncio.Event()

    async def reads(request: web.Request) -> web.Response:
        reading.append(request.protocol)
        begun.set()
        return web.Response(body=await request.read())

    async with serving(web.post("/x", reads)) as url:
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        await begun.wait()
        reading[0].connection_lost(TimeoutError(110, "Connection timed out"))
        writer.close()
        await asyncio.sleep(0)
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


async def test_a_wrong_method_names_the_right_ones(site: WholeSite) -> None:
    """405 comes with the methods there are, as a problem document."""
    async with site.http.delete(site.url + "/v1/messages") as answer:
        assert (answer.status, answer.content_type) == (405, "application/problem+json")
        assert set(answer.headers["Allow"].split(",")) >= {"GET", "POST"}


async def test_a_made_up_method_is_told_which_there_are(site: WholeSite) -> None:
    """Also where so little is known that not even the address is."""
    async with site.http.request("FOO", site.url + "/v1/messages") as answer:
        assert (answer.status, answer.content_type) == (405, "application/problem+json")
        assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


async def test_whoever_asks_what_may_be_sent_is_told(site: WholeSite) -> None:
    """OPTIONS from no page is answered with the methods there are."""
    async with site.http.options(site.url + "/v1/messages") as answer:
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, POST, OPTIONS")
        assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "identity, chunked"])
async def test_a_body_packed_on_its_way_is_refused(site: WholeSite, coding: str) -> None:
    """It is not unpacked, so it is not taken for what it is not."""
    port = int(site.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: " + coding.encode() + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"}")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Transfer-Encoding: nothing but chunked" in answer
    assert site.core.facts == []


async def test_a_body_over_the_bound_is_refused_for_everybody() -> None:
    """An adapter that reads a body without a bound of its own has the server's."""

    async def reads(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    settings = HttpSettings(port=0, max_body=1000, grace=0.5)
    async with (
        serving(web.post("/x", reads), settings=settings) as url,
        aiohttp.ClientSession() as http,
    ):
        async with http.post(url + "/x", data=b"x" * 1000) as answer:
            assert await answer.text() == "1000"
        async with http.post(url + "/x", data=b"x" * 1001) as answer:
            assert (answer.status, answer.content_type) == (413, "application/problem+json")


async def test_nothing_is_unpacked() -> None:
    """A packed body reaches a handler as it was sent: a bomb stays a small parcel."""
    seen = []

    async def reads(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response()

    async with serving(web.post("/x", reads)) as url, aiohttp.ClientSession() as http:
        headers = {"Content-Encoding": "gzip"}
        async with http.post(url + "/x", data=b"\x1f\x8bnot unpacked", headers=headers):
            pass
    assert seen == [b"\x1f\x8bnot unpacked"]


async def test_numbers_are_told_without_any_words_of_customers(site: WholeSite) -> None:
    """Metrics count requests by route and status; no text, id or address is among them."""
    customer = await site.open(name="Ada Lovelace")
    await customer.say("my secret words")
    await customer.ask("GET", "/v1/files/f_secretid")
    await customer.ask("GET", "/secret/path")
    _, text = await site.ask("GET", "/metrics")
    told = text.decode()
    assert 'requests_total{method="POST",route="/v1/messages",status="202"} 1' in told
    assert 'route="/v1/files/{id}",status="404"' in told
    assert 'route="none",status="404"' in told
    for word in ("Ada", "secret", customer.id, "127.0.0.1"):
        assert word not in told


async def test_numbers_can_be_kept_for_those_with_a_token() -> None:
    """With a metrics token set, nobody else is told."""
    async with serve(http=HttpSettings(metrics_token="t0ken", grace=0.5)) as site:
        assert (await site.ask("GET", "/metrics"))[0] == 401
        for token, status in (("t0ken", 200), ("t0ke", 401), ("é", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await site.ask("GET", "/metrics", headers=headers))[0] == status


def test_the_text_format_escapes_labels() -> None:
    """Quotes, backslashes and line breaks in a label cannot break out of it."""
    metrics = Metrics()
    metrics.counter("x_total", "Things.", ("what",)).add('a"b\\c\nd')
    metrics.gauge("y", "A number.", lambda: 1.5)
    assert 'x_total{what="a\\"b\\\\c\\nd"} 1' in metrics.text()
    assert "# TYPE y gauge\ny 1.5" in metrics.text()


def test_a_histogram_adds_up() -> None:
    """Each bucket counts all durations up to its bound."""
    metrics = Metrics()
    durations = metrics.durations("d_seconds", "Time.", ("what",))
    for seconds in (0.0005, 0.003, 0.003, 99.0):
        durations.observe(seconds, "a")
    lines = metrics.text().splitlines()
    assert 'd_seconds_bucket{what="a",le="0.001"} 1' in lines
    assert 'd_seconds_bucket{what="a",le="0.005"} 3' in lines
    assert 'd_seconds_bucket{what="a",le="10"} 3' in lines
    assert 'd_seconds_bucket{what="a",le="+Inf"} 4' in lines
    assert 'd_seconds_count{what="a"} 4' in lines


async def test_a_busy_handler_may_finish_when_the_server_stops() -> None:
    """What was begun before the stop is answered within the grace."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        begun.set()
        await release.wait()
        return web.Response(text="done")

    async with aiohttp.ClientSession() as http:
        async with serving(web.get("/x", slow), settings=HttpSettings(port=0, grace=5)) as url:
            asking = asyncio.create_task(http.get(url + "/x"))
            await begun.wait()
            asyncio.get_running_loop().call_later(0.1, release.set)
        assert await (await asking).text() == "done"
