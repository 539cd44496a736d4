"""The page's live line: what changed, at once, and again from where it stopped."""

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse

from adapters.sandbox.stream import HEARTBEAT_SECONDS, MAX_STREAMS
from bridge.domain.ids import ThreadRef
from bridge.ports.core import Typing
from tests.adapters.sandbox.house import CONVERSATION, ROOM, House, line


async def _next(answer: ClientResponse) -> dict[str, Any]:
    """Return the next event: its name, number and data; comments are events without a name."""
    found: dict[str, Any] = {}
    while True:
        text = (await answer.content.readline()).decode().rstrip("\n")
        if not text:
            if found and "retry" not in found:
                return found
            found = {}
            continue
        name, _, value = text.partition(": ")
        found[name] = json.loads(value) if name == "data" else value


async def test_a_new_post_is_seen_at_once(house: House) -> None:
    """Thread and post come in the order they were made, each with its number."""
    async with house.client.get("/sandbox/stream?after=0") as answer:
        assert answer.content_type == "text/event-stream"
        thread = await house.thread()
        ref = ThreadRef(f"sandbox:{ROOM}/{thread}")
        await house.desk.post(ref, line("Hello"), ("d_1",))
        events = [event for _ in range(3) if (event := await _next(answer)).get("event")]
        if len(events) < 2:
            events.append(await _next(answer))
    assert [event["event"] for event in events] == ["thread", "post"]
    assert [event["id"] for event in events] == ["1", "2"]
    assert events[1]["data"]["text"] == "Hello"


async def test_a_cut_line_goes_on_where_it_stopped(house: House) -> None:
    """The last number the page has seen wins over the one in the address."""
    thread = await house.thread()
    ref = ThreadRef(f"sandbox:{ROOM}/{thread}")
    for text in ("one", "two"):
        await house.desk.post(ref, line(text), (text,))
    headers = {"Last-Event-ID": "2"}
    async with house.client.get("/sandbox/stream?after=0", headers=headers) as answer:
        event = await _next(answer)
    assert event["data"]["text"] == "two"


async def test_a_page_from_before_a_new_file_is_told_to_begin_again(house: House) -> None:
    """A number that was never reached here means that the file is another one."""
    async with house.client.get("/sandbox/stream?after=99") as answer:
        assert (await _next(answer))["event"] == "reset"
        assert await answer.content.readline() == b""


async def test_the_line_shows_that_it_is_alive(house: House) -> None:
    """After a while without changes a comment comes."""
    async with house.client.get("/sandbox/stream?after=0") as answer:
        assert await _next(answer) == {"": "still here"}
        house.clock.advance(HEARTBEAT_SECONDS)
        assert await _next(answer) == {"": "still here"}


async def test_a_customer_who_types_is_seen_in_the_open_thread(house: House) -> None:
    """Only the customer's typing counts, and only while somebody looks."""
    thread = await house.thread()
    async with house.client.get(f"/sandbox/stream?after=1&thread={thread}") as answer:
        await _next(answer)
        house.presence.tell(CONVERSATION, Typing("assistant"))
        house.presence.tell(CONVERSATION, Typing("customer"))
        event = await _next(answer)
    assert (event["event"], event["data"]) == ("typing", {"thread": str(thread)})


async def test_what_was_watched_is_let_go(house: House) -> None:
    """After the page has gone nothing is left behind."""
    thread = await house.thread()
    async with house.client.get(f"/sandbox/stream?after=0&thread={thread}") as answer:
        await _next(answer)
        assert len(house.presence.listeners) == 1
    await house.desk.post(ThreadRef(f"sandbox:{ROOM}/{thread}"), line("a"), ("d_1",))
    house.rooms.close()
    async with asyncio.timeout(5):
        while house.presence.listeners:  # noqa: ASYNC110 - the server notices in its own time
            await asyncio.sleep(0.01)


async def test_there_is_an_end_to_open_pages(house: House) -> None:
    """One page too many is asked to wait, and the others go on."""
    lines = [await house.client.get("/sandbox/stream") for _ in range(MAX_STREAMS)]
    status, problem = await house.call("GET", "/sandbox/stream")
    assert (status, problem["status"]) == (429, 429)
    for opened in lines:
        opened.close()
