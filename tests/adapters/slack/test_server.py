"""The fake workspace itself: as a process it can be steered, and its limits and events are real."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.adapters.slack.scene import Scene
from tests.servers.slack import BOT_TOKEN, ROOM, FakeSlack, RateLimit, live_mentions

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that is not the desk's."""
    async with aiohttp.ClientSession() as made:
        yield made


async def call(session: aiohttp.ClientSession, base: str, method: str, **body: Any) -> Any:
    """Call a Web API method; returns the answer, or the status when it is not JSON."""
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with session.post(f"{base}/api/{method}", json=body, headers=headers) as response:
        return await response.json()


async def test_it_runs_as_a_process(session: aiohttp.ClientSession) -> None:
    """Posts, faults, people and the ledger over HTTP, so that a killed bridge finds it again."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.servers.slack"), stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        base = (await process.stdout.readline()).decode().strip()
        first = await call(session, base, "chat.postMessage", channel=ROOM, text="hello")
        for order in (
            {"do": "fail", "method": "chat.postMessage", "kind": "error", "code": "fatal_error"},
            {"do": "set", "latency": 0.0, "target": f"{base}/nowhere"},
        ):
            async with session.post(f"{base}/control", json=order) as response:
                assert (await response.json())["ok"]
        second = await call(session, base, "chat.postMessage", channel=ROOM, text="again")
        act = {"do": "act", "name": "says", "thread": first["ts"], "text": "hi"}
        async with session.post(f"{base}/control", json=act) as response:
            assert (await response.json())["result"]["statuses"][0] == 404
        async with session.get(f"{base}/ledger") as response:
            ledger = await response.json()
        assert second == {"ok": False, "error": "fatal_error"}
        assert [entry["message"]["text"] for entry in ledger["entries"]] == ["hello"]
        assert ledger["calls"]["chat.postMessage"] == 2
    finally:
        process.terminate()
        await process.wait()


async def test_it_wants_the_token(session: aiohttp.ClientSession) -> None:
    """As Slack does."""
    async with (
        FakeSlack() as slack,
        session.post(f"{slack.api_url}auth.test", headers={"Authorization": "Bearer x"}) as found,
    ):
        assert await found.json() == {"ok": False, "error": "invalid_auth"}


async def test_its_limit_is_per_room(session: aiohttp.ClientSession) -> None:
    """A burst passes, the next gets 429 with a time; another room is free."""
    async with FakeSlack() as slack:
        slack.posting = RateLimit(1.0, burst=2)
        slack.state.rooms["C0TWO"] = type(slack.state.rooms[ROOM])("C0TWO", "two")
        answers = [
            await call(session, slack.url, "chat.postMessage", channel=room, text="x")
            for room in (ROOM, ROOM, ROOM, "C0TWO")
        ]
    assert [answer["ok"] for answer in answers] == [True, True, False, True]
    assert slack.posting.refused == 1


async def test_its_own_posts_come_back_as_events(at_desk: Scene) -> None:
    """With the echo on, the bridge sees its own posts and relays none of them."""
    at_desk.slack.echo = True
    for number in range(3):
        body = {"channel": ROOM, "thread_ts": at_desk.root, "text": f"{number}"}
        await at_desk.desk.office.web.post_message(body)
    echoes = await at_desk.slack.people.echoed()
    assert [outcome.statuses for outcome in echoes] == [[200]] * 3
    assert at_desk.facts == []


async def test_it_repeats_as_slack_repeats(at_desk: Scene) -> None:
    """Four attempts in all, unless told not to try again."""
    at_desk.inbox.away = True
    outcome = await at_desk.slack.people.teammate_says(at_desk.root, "hello")
    assert outcome.statuses == [503] * 4
    at_desk.slack.people.secret = "wrong" * 8
    outcome = await at_desk.slack.people.teammate_says(at_desk.root, "hello")
    assert outcome.statuses == [401] * 4


async def test_late_posts_show_late(session: aiohttp.ClientSession) -> None:
    """The answer is lost, and the message can be read only after a while."""
    async with FakeSlack() as slack:
        slack.fail("chat.postMessage", "late", after=True, seconds=30)
        with pytest.raises(aiohttp.ClientError):
            await call(session, slack.url, "chat.postMessage", channel=ROOM, text="x")
        assert slack.state.roots()
        history = await call(session, slack.url, "conversations.history", channel=ROOM)
        assert history["messages"] == []
    assert live_mentions({"text": "<!here>"})
