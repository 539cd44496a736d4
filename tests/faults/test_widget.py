"""A page whose line is cut, slow, or long away misses nothing, and is told nothing twice."""

import asyncio
import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from adapters.patience import ConnectionLimits
from bridge.domain.policy import default_policy
from storage import open_store
from tests.adapters.web.site import Stream, serve
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.faults.composed import House, house
from tests.faults.cutting import Cutter, cutting
from tests.proof.harness import Bridge
from tests.test_channels import Web, WebCustomer
from tests.world import World, the_rules

CUTS = 1000
LINES = 120
DAY = 86_400
BROKEN = (aiohttp.ClientError, EOFError, ConnectionError, TimeoutError)


class Page:
    """What one page knows, over a line that breaks: by a stream, or by polling."""

    def __init__(self, made: House, cutter: Cutter, http: aiohttp.ClientSession) -> None:
        self.made, self.cutter, self.http = made, cutter, http
        self.cursor = 0
        self.log: list[dict[str, Any]] = []

    async def _ask(self, method: str, path: str, **body: Any) -> Any:
        """Make a call until it is answered; only then is anything known."""
        while True:
            with suppress(*BROKEN):
                async with self.http.request(
                    method,
                    self.cutter.url + path,
                    headers=self.made.bearer("token"),
                    json=body or None,
                    timeout=aiohttp.ClientTimeout(total=5),
                ) as answer:
                    found = await answer.json()
                    assert answer.status < 300, found
                    return found

    def _took(self, message: dict[str, Any]) -> None:
        assert message["cursor"] > self.cursor, "told twice, or out of order"
        self.cursor = message["cursor"]
        self.log.append(message)

    async def writes(self, name: str, number: int) -> None:
        """Write numbered lines, each until it is acknowledged."""
        for line in range(number):
            text = f"{name} {line}"
            await self._ask("POST", "/v1/messages", client_id=text.replace(" ", "-"), text=text)

    async def streams(self) -> None:
        """Follow the stream, again and again, each time from the last whole event."""
        while True:
            ticket = (await self._ask("POST", "/v1/stream-tickets"))["ticket"]
            address = f"{self.cutter.url}/v1/stream?ticket={ticket}"
            headers = {"Last-Event-ID": str(self.cursor)}
            with suppress(*BROKEN):
                async with self.http.get(address, headers=headers) as answer:
                    stream = Stream(answer)
                    while True:
                        event = await stream.next("message")
                        self._took(event.data)

    async def polls(self) -> None:
        """Ask for what is new, again and again."""
        while True:
            page = await self._ask("GET", f"/v1/messages?after={self.cursor}&limit=50")
            for message in page["messages"]:
                self._took(message)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.fault("F66", "F73")
async def test_a_thousand_cuts_lose_and_double_nothing(tmp_path: Path) -> None:
    """Both sides write while every connection is cut at a random byte; stream and poll agree."""
    chance = random.Random(66)
    async with (
        house(tmp_path) as made,
        cutting(made.app.url, chance, 6000) as cutter,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
    ):
        streaming, polling = Page(made, cutter, http), Page(made, cutter, http)
        following = [
            asyncio.create_task(streaming.streams()),
            asyncio.create_task(polling.polls()),
        ]
        rounds = 0
        while cutter.cuts < CUTS:
            writing = streaming.writes(f"page {rounds}", LINES // 4)
            await asyncio.gather(writing, teammate_writes(made, rounds, LINES // 8))
            rounds += 1
        cutter.most = 0
        _, whole = await made.ask(
            "GET", "/v1/messages?limit=200&after=0", headers=made.bearer("token")
        )
        log = [*whole["messages"]]
        while whole["more"]:
            path = f"/v1/messages?limit=200&after={whole['cursor']}"
            _, whole = await made.ask("GET", path, headers=made.bearer("token"))
            log += whole["messages"]
        for page in (streaming, polling):
            async with asyncio.timeout(30):
                while page.cursor < log[-1]["cursor"]:  # noqa: ASYNC110 -- a page has no event
                    await asyncio.sleep(0.02)
            assert page.log == log
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    assert cutter.cuts_on_the_way_in > CUTS // 20
    texts = [message["text"] for message in log]
    for number in range(rounds):
        mine = [text for text in texts if text.startswith(f"page {number} ")]
        assert mine == [f"page {number} {line}" for line in range(LINES // 4)]
        theirs = [text for text in texts if text.startswith(f"ann {number} ")]
        assert theirs == [f"ann {number} {line}" for line in range(LINES // 8)]


async def teammate_writes(made: House, number: int, lines: int) -> None:
    """A teammate writes numbered replies meanwhile."""
    for line in range(lines):
        said = await made.slack.people.teammate_says(
            made.names["slack_thread"], f"ann {number} {line}"
        )
        assert said.ok
        await asyncio.sleep(0.01)


@pytest.mark.fault("F67")
async def test_a_day_away_is_replayed_exactly(tmp_path: Path) -> None:
    """Five hundred replies, edits among them, a day later: each once, in order, within a second."""
    clock = HandClock()
    world = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), clock)
    world.rules = the_rules(default_policy(), world.desk)
    async with world:
        web = Web(world, tmp_path)
        await web.start()
        try:
            opened = await web.site.open()
            customer = WebCustomer(web, opened.session)
            await customer.asks_for_person()
            await world.settle()
            async with customer.looks() as view:
                await view.message()
            missed = [f"reply {number}" for number in range(500)]
            for start in range(0, 500, 50):
                batch = missed[start : start + 50]
                await asyncio.gather(*(world.replies(customer.id, text) for text in batch))
            clock.advance(DAY)
            loop = asyncio.get_running_loop()
            async with customer.looks() as view:
                began = loop.time()
                seen: list[str] = []
                while len(seen) < 500:
                    role, text = await view.message()
                    seen += [text] if role == "teammate" else []
                assert loop.time() - began < 1.0
            assert seen == missed
        finally:
            await web.stop()


@pytest.mark.fault("F69")
async def test_the_same_id_twice_is_one_message(tmp_path: Path) -> None:
    """Twenty at once and one later under one id: one message; other words under it: 409."""
    async with house(tmp_path) as made:
        bearer = made.bearer("token")
        body = {"client_id": "same", "text": "only once"}
        asking = (made.ask("POST", "/v1/messages", headers=bearer, json=body) for _ in range(20))
        answers = [
            *await asyncio.gather(*asking),
            await made.ask("POST", "/v1/messages", headers=bearer, json=body),
        ]
        assert sorted(status for status, _ in answers) == [200] * 20 + [202]
        assert len({(answer["id"], answer["seq"]) for _, answer in answers}) == 1
        body["text"] = "something else"
        status, problem = await made.ask("POST", "/v1/messages", headers=bearer, json=body)
        assert (status, problem["field"]) == (409, "client_id")
        _, page = await made.ask("GET", "/v1/messages", headers=bearer)
        texts = [message["text"] for message in page["messages"]]
        assert texts.count("only once") == 1
        assert "something else" not in texts
        await made.quiet()
        room = made.slack.state.rooms["C0SUPPORT"]
        assert str([m.get("text") for m in room.messages.values()]).count("only once") == 1


@pytest.mark.slow
@pytest.mark.fault("F70")
async def test_a_reader_of_one_byte_at_a_time_is_cut_and_resumes() -> None:
    """Taking a byte now and then buys no time; the next stream brings everything."""
    async with serve(ConnectionLimits(reader=0.5)) as site:
        customer = await site.open()
        _, ticket = await customer.ask("POST", "/v1/stream-tickets")
        parts = urlsplit(site.url)
        dripping = socket.socket()
        dripping.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dripping.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(dripping, (parts.hostname, parts.port))
        request = f"GET /v1/stream?ticket={ticket['ticket']} HTTP/1.1\r\nHost: x\r\n\r\n"
        await loop.sock_sendall(dripping, request.encode())
        read = 0
        async with asyncio.timeout(30):
            while not site.server.connections.cut:
                await site.core.teammate_says(customer.id, "x" * 10_000)
                with suppress(ConnectionError):
                    read += len(await loop.sock_recv(dripping, 1))
                await asyncio.sleep(0.01)
        dripping.close()
        said = site.core.conversations[customer.id].seq
        assert read < said * 100
        await site.until(lambda: len(site.channel.streams) == 0)
        async with await customer.listen() as stream:
            events = [(await stream.next("message")).data["seq"] for _ in range(said)]
        assert events == list(range(1, said + 1))


STREAMS = 300


class Visitor:
    """A page that comes back when it was told to."""

    def __init__(self, http: aiohttp.ClientSession, number: int) -> None:
        self.http, self.number = http, number
        self.bearer: dict[str, str] = {}
        self.cursor, self.retry = 0, 0
        self.seen: list[str] = []
        self.opened = 0

    async def begin(self, url: str) -> None:
        """Open a session."""
        async with self.http.post(f"{url}/v1/sessions", json={}) as answer:
            token = (await answer.json())["token"]
        self.bearer = {"Authorization": f"Bearer {token}"}

    async def follow(self, url: str) -> None:
        """Keep a stream open, for ever."""
        while True:
            with suppress(*BROKEN):
                await self._once(url)
            await asyncio.sleep(self.retry / 1000)

    async def _once(self, url: str) -> None:
        async with self.http.post(
            f"{url}/v1/stream-tickets", headers=self.bearer, json={}
        ) as answer:
            ticket = (await answer.json())["ticket"]
        address = f"{url}/v1/stream?ticket={ticket}&after={self.cursor}"
        async with self.http.get(address) as answer:
            stream = Stream(answer)
            while True:
                event = await stream.next()
                self.retry = stream.retries[0]
                self.opened += event.name == "state"
                if event.name == "message":
                    self.cursor = event.data["cursor"]
                    self.seen.append(event.data["text"])


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.fault("F68")
async def test_a_restart_under_open_streams(tmp_path: Path) -> None:
    """Three hundred pages are back within thirty seconds, not all at once, and miss nothing."""
    settings = {
        "HANDOFF_DATABASE_URL": sqlite_url(tmp_path),
        "HANDOFF_SECRET_KEY": "a-secret-for-this-test-only",
        "HANDOFF_DESKS": "sandbox",
        "HANDOFF_ASSISTANT": "none",
        "HANDOFF_RATE_LIMITS": "off",
        "HANDOFF_TRUSTED_PROXIES": "127.0.0.0/8",
        "HANDOFF_LOG_LEVEL": "warning",
    }
    bridge = Bridge(settings, tmp_path / "log")
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        try:
            await bridge.start()
            visitors = [Visitor(http, number) for number in range(STREAMS)]
            await asyncio.gather(*(visitor.begin(bridge.url) for visitor in visitors))
            following = [asyncio.create_task(v.follow(bridge.url)) for v in visitors]
            await until(lambda: all(v.opened for v in visitors), 30)
            retries = {visitor.retry for visitor in visitors}
            await bridge.end()
            before = [visitor.opened for visitor in visitors]
            await bridge.start()
            for visitor in visitors:
                said = {"client_id": "m", "text": f"line {visitor.number}"}
                async with http.post(
                    f"{bridge.url}/v1/messages", headers=visitor.bearer, json=said
                ) as answer:
                    assert answer.status == 202
            back = list(zip(visitors, before, strict=True))
            await until(lambda: all(v.opened > count for v, count in back), 30)
            await until(lambda: all(v.seen for v in visitors), 10)
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
        finally:
            await bridge.end()
    assert all(visitor.seen == [f"line {visitor.number}"] for visitor in visitors)
    assert max(retries) - min(retries) > 1000
    assert len(retries) > STREAMS // 4


async def until(holds: Any, within: float) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 -- what is waited for is in other processes
            await asyncio.sleep(0.05)
