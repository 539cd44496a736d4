"""The web channel keeps the contract of channels, over HTTP, on the real core and SQLite."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.web.given import Core
from bridge.app.taken import StoredFacts
from bridge.domain.ids import ConversationId
from bridge.domain.policy import default_policy
from storage import open_store
from storage.blobs import DiskFiles
from tests.adapters.web.site import API_KEY, Customer, Site, Stream, serve
from tests.clocks import HandClock
from tests.contracts.customer_channel import (
    ChannelUnderTest,
    CustomerChannelContract,
    CustomerUnderTest,
    Seen,
)
from tests.databases import sqlite_url
from tests.world import World, the_rules


@dataclass
class WebView:
    """An open stream."""

    owner: "WebCustomer"
    stream: Stream

    async def message(self) -> Seen:
        """Return the next message."""
        event = await self.stream.next("message")
        self.owner.cursor = event.data["cursor"]
        return event.data["role"], event.data["text"]

    async def floor(self) -> str:
        """Return the floor of the next state."""
        return str((await self.stream.next("state")).data["floor"])

    async def draft(self) -> str:
        """Return the next draft."""
        return str((await self.stream.next("draft")).data["text"])


@dataclass
class WebCustomer:
    """A customer with a session; each request goes to where the server is now."""

    web: "Web"
    session: dict[str, Any]
    cursor: int = 0

    @property
    def here(self) -> Customer:
        """The session at the running server."""
        return Customer(self.web.site, self.session)

    @property
    def id(self) -> ConversationId:
        """The conversation."""
        return ConversationId(self.session["conversation_id"])

    async def _post(self, path: str, **body: Any) -> Any:
        status, answer = await self.here.ask("POST", path, json=body)
        assert status < 300, answer
        return answer

    async def says(self, text: str, client_id: str) -> int:
        """Write."""
        answer = await self._post("/v1/messages", client_id=client_id, text=text)
        return int(answer["seq"])

    async def sends_file(self, name: str, content: bytes) -> None:
        """Upload and attach."""
        _, kept = await self.here.upload(name, content)
        await self._post("/v1/messages", client_id="file", text="", attachments=[kept["id"]])

    async def saved_file(self) -> tuple[str, bytes]:
        """Download the last attachment."""
        _, page = await self.here.ask("GET", "/v1/messages?limit=200")
        attached = [file for message in page["messages"] for file in message["attachments"]]
        _, content = await self.here.ask("GET", attached[-1]["url"])
        return attached[-1]["name"], content

    async def asks_for_person(self) -> None:
        """Escalate."""
        await self._post("/v1/escalate")

    async def goes_back(self) -> None:
        """Return."""
        await self._post("/v1/return")

    async def rates(self, score: int) -> None:
        """Rate."""
        await self._post("/v1/rating", about="teammate", score=score)

    async def reads(self, seq: int) -> None:
        """Read."""
        await self._post("/v1/read", seq=seq)

    async def history(self) -> list[Seen]:
        """Read the whole log, by seq."""
        found: list[dict[str, Any]] = []
        cursor, more = 0, True
        while more:
            _, page = await self.here.ask("GET", f"/v1/messages?after={cursor}&limit=50")
            found += page["messages"]
            cursor, more = page["cursor"], page["more"]
        return [(m["role"], m["text"]) for m in sorted(found, key=lambda m: int(m["seq"]))]

    @asynccontextmanager
    async def looks(self) -> AsyncIterator[WebView]:
        """Open a stream after what was seen."""
        async with await self.here.listen(self.cursor) as stream:
            yield WebView(self, stream)


@dataclass
class Web:
    """The web channel joined to a world; restarting moves it to another port."""

    world: World
    folder: Path
    site: Site = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Serve the world's core."""
        relay = self.world.relay
        taken = StoredFacts(self.world.store)
        core = Core(relay.inbox, relay.board, relay.presence, self.world.clock, taken)
        files = await self._stack.enter_async_context(DiskFiles(self.folder / "files"))
        desks = tuple(self.world.rules.desks)
        self.site = await self._stack.enter_async_context(serve(joined=(core, files), desks=desks))

    async def stop(self) -> None:
        """Stop serving."""
        await self._stack.aclose()

    async def arrives(self) -> WebCustomer:
        """Open a session."""
        return WebCustomer(self, (await self.site.open(name="Mia")).session)

    async def returns(self, customer: CustomerUnderTest) -> WebCustomer:
        """Open another session with the token."""
        token = cast("WebCustomer", customer).session["token"]
        return WebCustomer(self, (await self.site.open(token=token)).session)

    async def second(self) -> None:
        """Tick."""
        await self.site.channel.tick()

    async def restart(self) -> None:
        """Crash and come back."""
        await self.stop()
        await self.world.restart()
        await self.start()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The whole core on a SQLite file, with a hand-moved clock."""
    url = sqlite_url(tmp_path)
    made = World(lambda: open_store(url), the_rules(default_policy()), HandClock())
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made


@pytest.fixture
async def channel(world: World, tmp_path: Path) -> AsyncIterator[ChannelUnderTest]:
    """The web channel on the world's core."""
    web = Web(world, tmp_path)
    await web.start()
    yield web
    await web.stop()


class TestTheWeb(CustomerChannelContract):
    """The web channel."""


async def test_an_outside_bot_hands_over_and_gets_back(channel: Web, world: World) -> None:
    """A bot's conversation goes to people with all that was said, and comes back to the bot."""
    world.rules = the_rules(default_policy(), world.desk, asks=False)
    site = channel.site
    said = [
        {"client_id": "1", "role": "customer", "text": "It is broken, I want a human"},
        {"client_id": "2", "role": "assistant", "text": "I am sorry to hear that"},
    ]
    body = {"external_id": "chat 7", "customer": {"name": "Ada"}, "messages": said}
    _, made = await site.bot("POST", "", json=body)
    talk = f"/{made['id']}"
    reason = {"reason": "A refund needs a person", "summary": "Order 12 is broken."}
    status, answer = await site.bot("POST", talk + "/escalate", json=reason)
    assert (status, answer["handoff"]["state"]) == (202, "requested")
    await world.settle()
    [root] = world.desk.roots
    assert root.card is not None
    assert (root.card.customer, root.card.summary) == ("Ada", "Order 12 is broken.")

    conversation_id = ConversationId(made["id"])
    await world.replies(conversation_id, "I sent a new one.")
    late = {"client_id": "3", "role": "assistant", "text": "Anything else?", "epoch": made["epoch"]}
    status, problem = await site.bot("POST", talk + "/messages", json=late)
    assert (status, problem["floor"]) == (409, "teammate")

    _, state = await site.bot("POST", talk + "/return")
    assert state["floor"] == "assistant"
    answer_now = {**late, "epoch": state["epoch"]}
    assert (await site.bot("POST", talk + "/messages", json=answer_now))[0] == 202
    _, page = await site.bot("GET", talk + "/messages")
    assert [m["text"] for m in page["messages"] if m["role"] in {"teammate", "assistant"}] == [
        "I am sorry to hear that",
        "I sent a new one.",
        "Anything else?",
    ]
    assert API_KEY


async def test_a_refused_import_leaves_the_store_alone(channel: Web) -> None:
    """What was taken under an id is looked up in the database before anything is changed."""
    site, one = channel.site, {"client_id": "2", "role": "customer", "text": "b"}
    body = {"external_id": "chat 9", "customer": {"name": "First"}, "messages": [one]}
    _, made = await site.bot("POST", "", json=body)
    said = [{**one, "client_id": "3"}, {**one, "text": "DIFF"}]
    again = {**body, "customer": {"name": "Second"}, "messages": said}
    status, problem = await site.bot("POST", "", json=again)
    assert (status, problem["field"]) == (409, "messages[1].client_id")
    _, view = await site.bot("GET", f"/{made['id']}")
    assert (view["customer"]["name"], view["cursor"]) == ("First", 1)


async def test_the_queue_tells_each_its_place(channel: Web, world: World) -> None:
    """Customers who wait are told how many are before them, and move up."""
    first, second = await channel.arrives(), await channel.arrives()
    await first.asks_for_person()
    world.clock.advance(5)
    await second.asks_for_person()
    await world.settle()
    _, state = await second.here.ask("GET", "/v1/conversation")
    assert state["handoff"]["position"] == 2
    await world.replies(first.id, "Hello")
    _, state = await second.here.ask("GET", "/v1/conversation")
    assert state["handoff"]["position"] == 1


async def test_bad_words_are_refused_before_the_core(channel: Web, world: World) -> None:
    """What the database could not hold is refused by name, and the conversation goes on."""
    customer = await channel.arrives()
    for text in ("a\0b", "\ud800"):
        body = {"client_id": "x", "text": text}
        status, problem = await customer.here.ask("POST", "/v1/messages", json=body)
        assert (status, problem["field"]) == (422, "text")
    assert await customer.says("hello", "x") == 1


async def test_naughty_words_come_back_unchanged(channel: Web, world: World) -> None:
    """Odd but valid text passes the real database and comes back letter by letter."""
    customer = await channel.arrives()
    words = [
        "\u202ertl\u202c",
        "z̷a̷l̷g̷o̷",
        "🏳️‍🌈",
        "\ufeffbom",
        "'; DROP TABLE messages; --",
        "\x1b[31m",
        "a\u2028b",
    ]
    for number, text in enumerate(words):
        await customer.says(text, f"n{number}")
    assert [text for role, text in await customer.history() if role == "customer"] == words
