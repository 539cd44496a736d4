"""The real process tells a receiver of webhooks what a customer sees, over HTTP on both sides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from adapters.web.openapi import describe
from tests.databases import sqlite_url
from tests.proof.harness import Bridge, Proof, Talk
from tests.servers.assistant_webhook import SECRET, FakeReceiver, Received, replies, sends

SCRIPT = '{"text": "It is on its way."}\n'
TAKES = sends(b"", 204)
DESCRIPTION = describe([])


@dataclass
class Told:
    """A bridge, its desk, and a receiver that keeps what it was told."""

    proof: Proof
    receiver: FakeReceiver
    talk: Talk = field(default_factory=lambda: Talk(0))

    @property
    def bridge(self) -> Bridge:
        """The only one."""
        return self.proof.bridges[0]

    async def call(self, path: str, **body: Any) -> dict[str, Any]:
        """Make a call of the customer's."""
        return await self.proof.call("POST", path, self.talk, **body)

    def once(self) -> list[Received]:
        """Return what came, repetitions left out; each of them says what it said before."""
        found: dict[str, Received] = {}
        for came in self.receiver.received:
            first = found.setdefault(came.headers["webhook-id"], came)
            assert first.body["type"] == came.body["type"]
        return list(found.values())

    def heard(self) -> list[tuple[str, str, str]]:
        """Return what was told of messages: event, role and text."""
        bodies = [came.body for came in self.once()]
        return [
            (body["type"], body["data"]["role"], body["data"]["text"])
            for body in bodies
            if body["type"].startswith("message.")
        ]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        assert await self.proof.until(holds, 30.0), self.heard()

    async def until_told(self, event: str, role: str, text: str) -> None:
        """Wait for the newest word of a message."""
        await self.until(lambda: self.heard()[-1:] == [(event, role, text)])


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    """A customer's talk with a bridge that tells a receiver."""
    (tmp_path / "script.jsonl").write_text(SCRIPT)
    async with FakeReceiver() as receiver:
        receiver.next(TAKES)
        proof = Proof(sqlite_url(tmp_path), tmp_path)
        proof.more = {
            "HANDOFF_ASSISTANT": f"scripted:{tmp_path / 'script.jsonl'}",
            "HANDOFF_API_KEYS": "a-key-for-the-bot",
            "HANDOFF_WEBHOOK_URL": receiver.url,
            "HANDOFF_WEBHOOK_SECRET": SECRET,
        }
        async with proof.running():
            made = Told(proof, receiver)
            opened = await made.call("/v1/sessions", name="Mia")
            made.talk.token, made.talk.conversation_id = opened["token"], opened["conversation_id"]
            proof.slack.people.target = f"{made.bridge.url}/slack/events"
            yield made


async def brought_to_the_desk(told: Told) -> None:
    """The customer asks, is answered, and wants a person all the same."""
    await told.call("/v1/messages", client_id="1", text="Where is my parcel?")
    await told.until_told("message.created", "assistant", "It is on its way.")
    await told.call("/v1/escalate")
    await told.until(lambda: len(told.proof.roots()) == 1)
    told.talk.thread = told.proof.roots()[0]


async def talk_in_the_thread(told: Told) -> None:
    """A teammate takes a note, replies, edits the reply, and deletes another."""
    people, thread = told.proof.slack.people, told.talk.thread
    assert (await people.teammate_says(thread, "note: a difficult one")).ok
    reply = await people.teammate_says(thread, "I sent an other one.")
    wrong = await people.teammate_says(thread, "Lunch?")
    await told.call("/v1/messages", client_id="2", text="What?")
    assert (await people.teammate_edits(reply.ts, "I sent another one.")).ok
    assert (await people.teammate_deletes(wrong.ts)).ok


def check(told: Told) -> None:
    """Hold each event against its signature, the description, and the rule of the notes."""
    for came in told.receiver.received:
        assert came.is_signed_with(SECRET)
        assert b"difficult" not in came.content
        described = DESCRIPTION["webhooks"][came.body["type"]]["post"]
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        whole = {"components": DESCRIPTION["components"], **schema}
        Draft202012Validator(whole).validate(came.body)
        assert came.body["data"]["conversation_id"] == told.talk.conversation_id


async def test_everything_the_customer_sees_is_told_as_it_happens(told: Told) -> None:
    """Both sides' words, edits, deletions and the handoff, signed and in order; no note."""
    await brought_to_the_desk(told)
    await talk_in_the_thread(told)
    await told.until_told("message.updated", "teammate", "")

    ours = [text for _, role, text in told.heard() if role == "system"]
    assert told.heard() == [
        ("message.created", "customer", "Where is my parcel?"),
        ("message.created", "assistant", "It is on its way."),
        ("message.created", "system", ours[0]),
        ("message.created", "system", ours[1]),
        ("message.created", "teammate", "I sent an other one."),
        ("message.created", "teammate", "Lunch?"),
        ("message.created", "customer", "What?"),
        ("message.updated", "teammate", "I sent another one."),
        ("message.updated", "teammate", ""),
    ]
    handoff = [c.body["type"] for c in told.once() if c.body["type"].startswith("handoff.")]
    assert handoff == ["handoff.requested", "handoff.claimed"]
    assert [c.body["data"]["deleted"] for c in told.once()[-2:]] == [False, True]
    check(told)


async def test_what_the_receiver_missed_comes_after_a_kill(told: Told) -> None:
    """The receiver is away and the bridge is killed: all is told in order, as it stands then."""
    await brought_to_the_desk(told)
    told.receiver.next(replies({}, 503))
    await talk_in_the_thread(told)
    await told.bridge.end()
    told.receiver.received.clear()
    told.receiver.next(TAKES)
    await told.bridge.start()
    await told.until_told("message.updated", "teammate", "")

    assert [said for said in told.heard() if said[1] != "system"] == [
        ("message.created", "teammate", "I sent another one."),
        ("message.created", "teammate", ""),
        ("message.created", "customer", "What?"),
        ("message.updated", "teammate", "I sent another one."),
        ("message.updated", "teammate", ""),
    ]
    assert not any(b"Lunch" in came.content for came in told.receiver.received)
    check(told)


async def test_a_receiver_puts_the_talk_together_through_kills(told: Told) -> None:
    """Killed again and again: who keeps the highest cursor of each message has the very log."""
    done = asyncio.Event()

    async def write() -> None:
        number = 0
        while not done.is_set():
            await told.call("/v1/messages", client_id=f"{number}", text=f"line {number}")
            number += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        await told.proof.kill(4, (0.2, 0.6))
        done.set()
    assert told.bridge.kills == 4
    log = await told.proof.call("GET", "/v1/messages?after=0&limit=200", told.talk)
    await told.until(lambda: len(_kept(told)) >= len(log["messages"]))
    seqs = [c.body["data"]["seq"] for c in told.once() if "seq" in c.body["data"]]
    assert seqs == sorted(seqs)
    kept = _kept(told)
    assert all(kept[message["id"]] == message["text"] for message in log["messages"])
    check(told)


def _kept(told: Told) -> dict[str, str]:
    events = [c.body["data"] for c in told.receiver.received if "cursor" in c.body["data"]]
    return {data["id"]: data["text"] for data in sorted(events, key=lambda data: data["cursor"])}


async def test_a_bot_knows_its_own_words_again(told: Told) -> None:
    """What came by the bot API is told with the id that the bot gave it."""
    async with aiohttp.ClientSession(
        told.bridge.url, headers={"Authorization": "Bearer a-key-for-the-bot"}
    ) as bot:
        async with bot.post("/v1/bot/conversations", json={"customer": {}}) as made:
            told.talk.conversation_id = (await made.json())["id"]
        path = f"/v1/bot/conversations/{told.talk.conversation_id}/messages"
        said = {"client_id": "mine", "role": "customer", "text": "Where is my parcel?"}
        async with bot.post(path, json=said) as taken:
            assert taken.status == 202
    await told.until(lambda: bool(told.receiver.received))
    assert told.receiver.received[0].body["data"]["client_id"] == "mine"
    check(told)
