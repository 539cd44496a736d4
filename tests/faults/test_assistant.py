"""An AI backend that fails in every way: the customer gets to a person, and hears of it once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.assistants import AssistantSettings, Bounds
from adapters.assistants.failures import Breaker, Rested
from adapters.assistants.openai import OpenAIAssistant
from adapters.assistants.webhook import WebhookAssistant
from adapters.outbound import Patient, open_session
from bridge.domain.facts import BotWrote, Declined, Duplicate, Taken
from bridge.domain.handoff import Floor
from bridge.domain.messages import Role
from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.servers import assistant_webhook
from tests.servers.assistant_webhook import SECRET, FakeReceiver
from tests.servers.openai import FakeOpenAI, answers, chunk, dies, goes_on, says, stalls, streams
from tests.world import World, the_rules

HOUR = 3600


async def at_rest(world: World) -> None:
    """Wait until no call is under way and nothing is being stored."""
    async with asyncio.timeout(20):
        while world.relay.courier.moving() or not world.relay.inbox.is_idle:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await world.settle()


@dataclass
class Scene:
    """A core whose assistant asks a real server."""

    world: World
    server: FakeOpenAI

    async def until_a_person(self, customer: Any, within: float = 90) -> float:
        """Let time pass, but none while the model is asked, until people have the conversation."""
        began = self.world.clock.now()
        await at_rest(self.world)
        while (await self.world.conversation(customer)).floor is Floor.ASSISTANT:
            assert self.world.clock.now() - began < within
            await self.world.pass_time(1)
            await at_rest(self.world)
        return self.world.clock.now() - began


def settings(url: str) -> AssistantSettings:
    """Return settings with short patience and small bounds."""
    return AssistantSettings(
        base_url=url,
        url=url,
        secret=SECRET,
        api_key="sk-canary",
        model="tiny",
        patience=Patient(connect=1.0, first_byte=0.15, total=0.4),
        bounds=Bounds(answer=400, turns=4, prompt=2_000, body=100_000, line=20_000),
    )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The core, asking a model as it is composed: behind a breaker."""
    clock = HandClock()
    async with FakeOpenAI() as server, open_session() as session:
        world = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), clock)
        world.rules = the_rules(default_policy(), world.desk)
        asked = OpenAIAssistant(settings(server.url), session, clock)
        world.assistant = Rested(asked, Breaker(clock))  # type: ignore[assignment]
        async with world:
            yield Scene(world, server)


FAILURES = {
    "no answer": stalls(),
    "half an answer": stalls(chunk({"content": "Your parcel"})),
    "500": answers(500, {"error": {"message": "boom"}}),
    "503": answers(503),
    "401": answers(401, {"error": {"message": "bad key"}}),
    "garbage": streams(b"\x00\xff<html>\n\n"),
    "no JSON": streams(b"data: {]\n\ndata: [DONE]\n\n"),
    "broken off": dies(chunk({"content": "Your parcel"})),
    "endless": goes_on(chunk({"content": "and so on "}), every=0.001),
    "ten megabytes": goes_on(b"data: " + b"x" * 1_000_000),
    "nothing said": says(""),
}


@pytest.mark.slow
@pytest.mark.fault("F75")
@pytest.mark.parametrize("name", FAILURES)
async def test_a_backend_that_fails_brings_a_person(scene: Scene, name: str) -> None:
    """Bounded in time and bytes, to a person by rule, with one word of apology and no more."""
    world, server = scene.world, scene.server
    server.next(FAILURES[name])
    customer = await world.arrives()
    await world.says(customer, "where is my parcel?")
    await scene.until_a_person(customer)
    assert (await world.conversation(customer)).floor is Floor.WAITING
    assert len(world.desk.roots) == 1
    assert 1 <= len(server.requests) <= 8
    assert server.sent < 25_000_000, "no more than the kernel holds for a few connections"
    said = await world.messages(customer)
    assert [m.role for m in said].count(Role.SYSTEM) == 1
    shown = [m.text for m in said if m.role is Role.ASSISTANT]
    assert shown == []


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.fault("F77")
async def test_an_hour_without_the_backend(scene: Scene) -> None:
    """Failing again and again it is left alone: to people at once, until it is back."""
    world, server = scene.world, scene.server
    server.next(answers(503))
    waits = []
    for _ in range(12):
        customer = await world.arrives()
        await world.says(customer, "where is my parcel?")
        waits.append(await scene.until_a_person(customer))
        await world.pass_time(HOUR / 12 - waits[-1], step=60)
    assert len(world.desk.roots) == 12
    assert len(server.requests) <= 5 + 2 * 12
    assert min(waits) == 0, "left alone, it is not even waited for"
    server.next(says("On its way."))
    await world.pass_time(400, step=60)
    customer = await world.arrives()
    await world.says(customer, "and now?")
    async with asyncio.timeout(10):
        while (await world.messages(customer))[-1].text != "On its way.":  # noqa: ASYNC110 -- real
            await asyncio.sleep(0.02)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[tuple[World, FakeReceiver]]:
    """A core whose assistant is a bot outside, asked by webhook."""
    clock = HandClock()
    async with FakeReceiver() as receiver, open_session() as session:
        world = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), clock)
        world.rules = the_rules(default_policy(), world.desk)
        world.assistant = WebhookAssistant(settings(receiver.url), session, clock)  # type: ignore[assignment]
        async with world:
            yield world, receiver


async def asked(world: World, receiver: FakeReceiver, times: int) -> None:
    """Wait until the bot was asked so many times and its last answer was taken."""
    async with asyncio.timeout(20):
        while len(receiver.received) < times:
            await asyncio.sleep(0.02)
            await world.pass_time(1)
    await at_rest(world)


@pytest.mark.fault("F76")
async def test_a_bot_that_answers_twice_is_heard_once(bot: tuple[World, FakeReceiver]) -> None:
    """A reply that got lost and one that came, then one by the bot API five times: one each."""
    world, receiver = bot
    receiver.next(assistant_webhook.dies_within, assistant_webhook.replies({"text": "On its way."}))
    customer = await world.arrives()
    await world.says(customer, "where is my parcel?")
    await asked(world, receiver, 2)
    first, second = [came.body["data"] for came in receiver.received]
    assert (first["message"], first["epoch"]) == (second["message"], second["epoch"])
    assert [m.text for m in await world.messages(customer)][1:] == ["On its way."]

    receiver.next(assistant_webhook.replies({}, 202))
    await world.says(customer, "when?")
    await asked(world, receiver, 3)
    epoch = receiver.received[-1].body["data"]["epoch"]
    late = BotWrote(
        key="bot:late",
        at=world.clock.now(),
        conversation_id=customer,
        role="assistant",
        text="Tomorrow.",
        epoch=epoch,
    )
    verdicts = await asyncio.gather(*(world.report(late) for _ in range(4)))
    verdicts.append(await world.report(late))
    assert sorted({type(v) for v in verdicts}, key=str) == [Duplicate, Taken]
    assert [m.text for m in await world.messages(customer)].count("Tomorrow.") == 1


@pytest.mark.fault("F76")
async def test_a_bot_that_answers_late_is_not_heard(bot: tuple[World, FakeReceiver]) -> None:
    """What was promised before a person came is declined afterwards, also after a hand-back."""
    world, receiver = bot
    receiver.next(assistant_webhook.replies({}, 202))
    customer = await world.arrives()
    await world.says(customer, "where is my parcel?")
    await asked(world, receiver, 1)
    epoch = receiver.received[0].body["data"]["epoch"]
    await world.asks_for_person(customer)
    await world.settle()
    for number in range(2):
        verdict = await world.report(
            BotWrote(
                key=f"bot:{number}",
                at=world.clock.now(),
                conversation_id=customer,
                role="assistant",
                text="Too late.",
                epoch=epoch,
            )
        )
        assert isinstance(verdict, Declined)
        assert verdict.code == "stale"
    assert "Too late." not in [m.text for m in await world.messages(customer)]
