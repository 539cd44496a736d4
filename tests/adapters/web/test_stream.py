"""Streams over real HTTP: nothing missed, nothing twice, whatever is cut and when."""

import asyncio

import pytest

from adapters.patience import ConnectionLimits
from bridge.domain.facts import CustomerSaw
from bridge.ports.core import Changed, DraftGrew, Typing
from tests.adapters.web.fakes import MemoryPresence
from tests.adapters.web.site import Customer, Site, serve


async def test_a_stream_replays_and_goes_on(site: Site, customer: Customer) -> None:
    """What was said before the stream opened comes first, then what is said now."""
    await customer.say("before")
    async with await customer.listen() as stream:
        assert await stream.texts(1) == ["before"]
        await customer.say("now")
        event = await stream.next("message")
        assert (event.data["text"], event.id) == ("now", str(event.data["cursor"]))


async def test_a_long_history_is_replayed_whole(site: Site, customer: Customer) -> None:
    """More messages than one page of the log holds come all, in order."""
    for number in range(450):
        await customer.say(str(number))
    async with await customer.listen() as stream:
        assert await stream.texts(450) == [str(number) for number in range(450)]


async def test_a_cut_stream_resumes_where_it_was(site: Site, customer: Customer) -> None:
    """Last-Event-ID wins over after, and what came meanwhile is not lost."""
    for text in ("one", "two", "three"):
        await customer.say(text)
    async with await customer.listen() as stream:
        await stream.next("message")
        last = (await stream.next("message")).id
    await customer.say("four")
    async with await customer.listen(0, **{"Last-Event-ID": last}) as stream:
        assert await stream.texts(2) == ["three", "four"]


async def test_after_is_where_a_stream_begins(customer: Customer) -> None:
    """Without Last-Event-ID, after says what the page knows already."""
    await customer.say("one")
    await customer.say("two")
    async with await customer.listen(1) as stream:
        assert await stream.texts(1) == ["two"]


@pytest.mark.fault("F67")
async def test_a_cursor_of_another_log_begins_anew(customer: Customer) -> None:
    """A page that knows more than the log gets the whole log, so that it can mend itself."""
    await customer.say("one")
    async with await customer.listen(77) as stream:
        assert await stream.texts(1) == ["one"]


async def test_nothing_is_lost_while_a_stream_opens(site: Site, customer: Customer) -> None:
    """Messages stored while streams open and close are told once each, on every stream."""

    async def write() -> None:
        for number in range(60):
            await customer.say(str(number))
            await asyncio.sleep(0)

    async def follow() -> list[str]:
        seen: list[str] = []
        after = 0
        while len(seen) < 60:
            async with await customer.listen(after) as stream:
                for _ in range(min(7, 60 - len(seen))):
                    event = await stream.next("message")
                    seen.append(event.data["text"])
                    after = int(event.id)
        return seen

    _, *told = await asyncio.gather(write(), *(follow() for _ in range(4)))
    assert all(seen == [str(number) for number in range(60)] for seen in told)


async def test_the_state_comes_first_and_when_it_changes(site: Site, customer: Customer) -> None:
    """A stream tells who has the floor at once, and again when it changes hands."""
    async with await customer.listen() as stream:
        assert (await stream.next("state")).data["floor"] == "assistant"
        await customer.ask("POST", "/v1/escalate")
        waiting = (await stream.next("state")).data
        assert (waiting["floor"], waiting["handoff"]["position"]) == ("waiting", 1)
        await site.core.teammate_says(customer.id, "Hello")
        assert (await stream.next("state")).data["handoff"]["teammate"]["name"] == "Marie"


async def test_moving_up_in_the_queue_is_told(site: Site) -> None:
    """When somebody ahead is served, the waiting page learns its new place by itself."""
    first, second = await site.open(), await site.open()
    await first.ask("POST", "/v1/escalate")
    await second.ask("POST", "/v1/escalate")
    async with await second.listen() as stream:
        assert (await stream.next("state")).data["handoff"]["position"] == 2
        await site.core.teammate_says(first.id, "Hello")
        for _ in range(31):
            await site.channel.tick()
            await asyncio.sleep(0)
        assert (await stream.next("state")).data["handoff"]["position"] == 1


async def test_what_another_instance_did_is_looked_up(site: Site, customer: Customer) -> None:
    """Word that something changed, without what, brings the messages and the state, once."""
    async with await customer.listen() as stream:
        await stream.next("state")
        elsewhere = MemoryPresence()
        here, site.core.presence = site.core.presence, elsewhere
        await customer.ask("POST", "/v1/escalate")
        await site.core.teammate_says(customer.id, "Hello")
        site.core.presence = here
        for _ in range(2):
            here.tell(customer.id, Changed((), None))
        assert (await stream.next()).data["text"] == "Hello"
        assert (await stream.next()).data["floor"] == "teammate"
        await customer.say("Good morning")
        assert (await stream.next()).data["text"] == "Good morning"


async def test_edits_reach_an_open_stream(site: Site, customer: Customer) -> None:
    """An edited and a deleted message come again, under new cursors."""
    post = await site.core.teammate_says(customer.id, "Helo")
    async with await customer.listen() as stream:
        await stream.next("message")
        await site.core.teammate_edits(customer.id, post, "Hello")
        assert (await stream.next("message")).data["text"] == "Hello"
        await site.core.teammate_edits(customer.id, post, None)
        assert (await stream.next("message")).data["deleted"] is True


async def test_hints_are_passed_on(site: Site, customer: Customer) -> None:
    """Typing and drafts reach the page; nothing of them is stored."""
    async with await customer.listen() as stream:
        await stream.next("state")
        site.core.presence.tell(customer.id, Typing("teammate", "Marie"))
        assert (await stream.next("typing")).data == {"role": "teammate", "name": "Marie"}
        site.core.presence.tell(customer.id, DraftGrew("Hel", 0))
        assert (await stream.next("draft")).data == {"text": "Hel", "epoch": 0}


async def test_a_quiet_stream_shows_that_it_lives(site: Site, customer: Customer) -> None:
    """Within fifteen ticks of the clock every stream gets a sign of life."""
    async with await customer.listen() as stream:
        await stream.next("state")
        assert stream.beats == 0
        for _ in range(15):
            await site.channel.tick()
        await stream.beat()
        assert stream.beats == 1


async def test_pages_come_back_at_different_times(customer: Customer) -> None:
    """A stream says after how long to come back, and not the same to everybody."""
    told = set()
    for _ in range(8):
        async with await customer.listen() as stream:
            await stream.next("state")
            told.update(stream.retries)
    assert len(told) > 1
    assert all(2000 <= wait < 6000 for wait in told)


async def test_what_was_displayed_is_told_once_a_second(site: Site, customer: Customer) -> None:
    """Several replies written to several streams are one fact, naming the last of them."""
    async with await customer.listen() as one, await customer.listen() as other:
        for text in ("one", "two", "three"):
            await site.core.teammate_says(customer.id, text)
        await one.texts(3)
        await other.texts(3)
        assert _shown(site) == []
        await site.channel.tick()
    async with await customer.listen() as again:
        await again.texts(3)
        await site.channel.tick()
    assert _shown(site) == [3]


def _shown(site: Site) -> list[int]:
    return [fact.shown for fact in site.core.facts if isinstance(fact, CustomerSaw)]


async def test_a_sighting_waits_for_the_store(site: Site, customer: Customer) -> None:
    """What was displayed while the store was away is told when it is back."""
    async with await customer.listen() as stream:
        await site.core.teammate_says(customer.id, "Hello")
        await stream.texts(1)
        site.core.fail = True
        await site.channel.tick()
        assert _shown(site) == []
        site.core.fail = False
        await site.channel.tick()
        assert _shown(site) == [1]


async def test_the_channel_lets_time_pass_by_itself(site: Site, customer: Customer) -> None:
    """While it runs, what was displayed is told without anybody's doing."""
    running = asyncio.create_task(site.channel.run())
    async with await customer.listen() as stream:
        await site.core.teammate_says(customer.id, "Hello")
        await stream.texts(1)
        async with asyncio.timeout(5):
            await site.core.saw.wait()
    running.cancel()
    assert _shown(site) == [1]


async def test_leaving_is_noticed(site: Site, customer: Customer) -> None:
    """A page that went away is forgotten at the next sign of life."""
    async with await customer.listen() as stream:
        await stream.next("state")
        assert len(site.channel.streams) == 1
    await site.until(lambda: len(site.channel.streams) == 0)
    assert site.core.presence.listeners[customer.id] == []


async def test_a_conversation_has_a_bounded_number_of_streams(site: Site) -> None:
    """More streams than any customer has tabs are refused with 429."""
    customer = await site.open()
    streams = [await customer.listen() for _ in range(16)]
    _, ticket = await customer.ask("POST", "/v1/stream-tickets")
    assert (await site.ask("GET", f"/v1/stream?ticket={ticket['ticket']}"))[0] == 429
    for stream in streams:
        stream.response.close()


@pytest.mark.fault("F70")
async def test_a_reader_who_takes_nothing_is_cut_and_resumes() -> None:
    """A page that stops reading is cut, costs bounded memory, and gets everything afterwards."""
    limits = ConnectionLimits(reader=0.4)
    async with serve(limits) as site:
        customer = await site.open()
        slow = await customer.listen()
        await slow.next("state")
        slow.response.connection.transport.pause_reading()  # type: ignore[union-attr]
        async with asyncio.timeout(20):
            while not site.server.connections.cut:
                await site.core.teammate_says(customer.id, "x" * 10_000)
                await asyncio.sleep(0.005)
        slow.response.close()
        said = site.core.conversations[customer.id].seq
        async with await customer.listen() as stream:
            events = [(await stream.next("message")).data["seq"] for _ in range(said)]
        assert events == list(range(1, said + 1))


async def test_stopping_ends_streams_and_asks_to_come_back() -> None:
    """When the server stops, streams end cleanly with a time to come back."""
    async with serve() as site:
        customer = await site.open()
        stream = await customer.listen()
        await stream.next("state")
        site.channel.close()
        async with asyncio.timeout(5):
            rest = await stream.response.content.read()
        assert rest.startswith(b"retry: ")


async def test_a_store_that_goes_away_ends_the_stream(site: Site, customer: Customer) -> None:
    """A stream that cannot read the log ends, so that the page comes back by itself."""
    async with await customer.listen() as stream:
        await stream.next("state")
        site.core.fail = True
        site.core.presence.tell(customer.id, Changed((), None))
        async with asyncio.timeout(5):
            await stream.response.content.read()
    site.core.fail = False
    async with await customer.listen() as stream:
        assert (await stream.next()).name == "state"


async def test_the_stream_has_the_headers_proxies_need(customer: Customer) -> None:
    """Proxies are told not to hold the events back or keep them."""
    async with await customer.listen() as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")


async def test_a_foreign_page_gets_no_stream(site: Site, customer: Customer) -> None:
    """Even with a ticket, a page of a site that is not allowed gets 403."""
    _, ticket = await customer.ask("POST", "/v1/stream-tickets")
    url = f"{site.url}/v1/stream?ticket={ticket['ticket']}"
    async with site.http.get(url, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
