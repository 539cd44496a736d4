"""Messages told to a receiver of webhooks: in order, as they stand, through failures and deaths."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from adapters.outbound import Patient, open_session
from adapters.webhooks import WebhookSender, signing_keys
from bridge.domain.delivery import Leg, Progress
from bridge.domain.facts import TeammateAmended
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.servers.assistant_webhook import SECRET, FakeReceiver, replies, sends
from tests.world import World, the_rules

TAKES = sends(b"", 204)
AWAY = replies({}, 503)


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    """A receiver that takes everything until told otherwise."""
    async with FakeReceiver() as receiver:
        receiver.next(TAKES)
        yield receiver


@pytest.fixture
async def world(tmp_path: Path, receiver: FakeReceiver) -> AsyncIterator[World]:
    """A running core that tells the receiver."""
    clock = HandClock()
    made = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), clock)
    made.rules = the_rules(default_policy(), made.desk, webhooks=True)
    async with open_session() as session:
        keys = signing_keys("HANDOFF_WEBHOOK_SECRET", SECRET)
        made.webhooks = WebhookSender(URL(receiver.url), keys, session, clock, Patient(1, 5, 5))
        async with made:
            yield made


def heard(receiver: FakeReceiver) -> list[tuple[str, str]]:
    """Return what was told of messages: the event, and the text."""
    bodies = [came.body for came in receiver.received]
    return [(b["type"], b["data"]["text"]) for b in bodies if b["type"].startswith("message.")]


async def amends(world: World, customer: ConversationId, text: str | None) -> None:
    """A teammate edits a reply, or deletes it."""
    thread = (await world.conversation(customer)).thread
    assert thread is not None
    now, post = world.clock.now(), PostRef("memory:mine")
    await world.report(
        TeammateAmended(key=f"amend {text}", at=now, thread=thread, post=post, text=text)
    )


async def test_all_that_is_said_is_told_in_order(world: World, receiver: FakeReceiver) -> None:
    """Both sides' words and ours, each once, by rising seq, with the state of the handoff."""
    customer = await world.escalated()
    await world.replies(customer, "Hello Mia")
    await world.says(customer, "thanks")
    await world.settle()

    said = [message.text for message in await world.messages(customer)]
    assert heard(receiver) == [("message.created", text) for text in said]
    assert len({came.headers["webhook-id"] for came in receiver.received}) == len(said) + 2
    assert await world.relay.store.deliveries(None) == ()


async def test_what_is_told_is_how_it_stands(world: World, receiver: FakeReceiver) -> None:
    """A reply deleted before it could be told is told without its words, under both events."""
    customer = await world.escalated()
    receiver.next(AWAY)
    await world.replies(customer, "the wrong window", post=PostRef("memory:mine"))
    await world.settle()
    await amends(world, customer, None)
    receiver.received.clear()
    receiver.next(TAKES)
    await world.pass_time(10)

    assert heard(receiver)[-2:] == [("message.created", ""), ("message.updated", "")]
    assert all(came.body["data"].get("deleted", True) for came in receiver.received[-2:])
    assert not any(b"wrong window" in came.content for came in receiver.received)


async def test_while_one_is_tried_again_the_others_wait(
    world: World, receiver: FakeReceiver
) -> None:
    """Under the same id until it is taken; another conversation is not held up."""
    customer, other = await world.arrives(), await world.arrives()
    receiver.next(AWAY, TAKES)
    await world.says(customer, "one")
    await world.settle()
    await world.says(customer, "two")
    await world.says(other, "elsewhere")
    await world.settle()
    assert ("message.created", "elsewhere") in heard(receiver)
    await world.pass_time(3)

    mine = [c for c in receiver.received if c.body["data"]["conversation_id"] == customer]
    assert [c.body["data"]["text"] for c in mine] == ["one", "one", "echo: one", "two", "echo: two"]
    assert mine[0].headers["webhook-id"] == mine[1].headers["webhook-id"]
    assert mine[0].headers["webhook-timestamp"] != mine[1].headers["webhook-timestamp"]
    assert mine[0].body == mine[1].body


async def test_in_a_burst_each_event_is_sent_once(world: World, receiver: FakeReceiver) -> None:
    """A healthy receiver that takes 0.6 s of 1 gets sixty at once, twenty at a time: each once."""

    async def takes_its_time(_: FakeReceiver, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return web.Response()

    world.rules = replace(world.rules, asks=False)
    receiver.next(takes_its_time)
    async with open_session() as session:
        patient = Patient(1, 1, 1)
        world.webhooks = WebhookSender(URL(receiver.url), None, session, world.clock, patient)
        await world.restart()
        for customer in [await world.arrives() for _ in range(60)]:
            await world.says(customer, "good day")
        while world.relay.courier.moving():
            await world.settle()
        waiting = await world.relay.store.deliveries(None)
        await world.pass_time(2)
        while world.relay.courier.moving():
            await world.settle()

    assert waiting
    assert {(delivery.attempts, delivery.progress) for delivery in waiting} == {
        (0, Progress.QUEUED)
    }
    ids = [came.headers["webhook-id"] for came in receiver.received]
    assert len(ids) == len(set(ids)) == 60
    assert await world.relay.store.deliveries(None) == ()


async def test_a_receiver_away_for_most_of_a_day_misses_nothing(
    world: World, receiver: FakeReceiver
) -> None:
    """A few calls are all it costs meanwhile, however much is said; then all comes in order."""
    customer = await world.arrives()
    receiver.next(AWAY)
    for number in range(10):
        await world.says(customer, f"line {number}")
    await world.pass_time(9 * 3600.0, step=600.0)
    assert len(receiver.received) < 10
    receiver.next(TAKES)
    receiver.received.clear()
    await world.pass_time(11 * 3600.0, step=600.0)

    said = [message.text for message in await world.messages(customer)]
    assert [text for _, text in heard(receiver)] == said


async def test_what_was_given_up_on_waits_for_whoever_runs_the_bridge(
    world: World, receiver: FakeReceiver
) -> None:
    """An event that will never be taken holds up its conversation until it is retried."""
    customer = await world.arrives()
    receiver.next(replies({}, 410))
    await world.says(customer, "one")
    await world.pass_time(5)
    receiver.next(TAKES)
    await world.says(customer, "two")
    await world.pass_time(5)
    (dead,) = await world.relay.store.dead()
    assert (dead.leg, dead.progress) == (Leg.WEBHOOK, Progress.DEAD)
    assert len(receiver.received) == 1

    assert await world.relay.reviver.retry(dead.id)
    await world.pass_time(5)
    assert [text for _, text in heard(receiver)[1:]] == ["one", "echo: one", "two", "echo: two"]


async def test_of_what_was_erased_nothing_is_told(world: World, receiver: FakeReceiver) -> None:
    """Erased while its event waits: nothing more is sent, and nothing is given up on."""
    customer = await world.arrives()
    receiver.next(AWAY)
    await world.says(customer, "my secret")
    await world.settle()
    store: Any = world.relay.store
    await store.erase(customer)
    receiver.next(TAKES)
    receiver.received.clear()
    await world.pass_time(60, step=5)

    assert receiver.received == []
    assert await world.relay.store.dead() == ()


async def test_after_a_death_what_was_not_recorded_is_told_again(
    world: World, receiver: FakeReceiver
) -> None:
    """What waited is told in order; a repetition has the id it had."""
    customer = await world.arrives()
    receiver.next(AWAY)
    for number in range(3):
        await world.says(customer, f"line {number}")
    await world.settle()
    await world.restart()
    receiver.next(TAKES)
    await world.pass_time(5)

    texts: dict[str, str] = {}
    for came in receiver.received:
        texts.setdefault(came.headers["webhook-id"], came.body["data"]["text"])
    assert list(texts.values()) == [message.text for message in await world.messages(customer)]


async def test_without_an_address_nothing_waits(world: World, receiver: FakeReceiver) -> None:
    """Where no webhooks are wanted none is stored."""
    world.rules = replace(world.rules, webhooks=False)
    customer = await world.escalated()
    await world.replies(customer, "Hello")
    await world.settle()

    assert receiver.received == []
    assert await world.relay.store.deliveries(None) == ()
