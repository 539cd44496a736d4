"""What whoever runs the bridge does to it: erase, reload, and leave it without a log."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.domain.errors import TryAgain, Uncertain
from bridge.domain.facts import Declined, Duplicate
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.faults.composed import house
from tests.proof.harness import Bridge
from tests.world import World, the_rules


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running core with a hand-moved clock, on SQLite."""
    made = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), HandClock())
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made


def traces(folder: Path, *names: str) -> dict[str, int]:
    """Return, for each table that still holds one of these texts, in how many rows."""
    found: dict[str, int] = {}
    (path,) = folder.glob("*.db")
    with closing(sqlite3.connect(path)) as reader:
        tables = reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            rows = reader.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            count = sum(any(name in repr(row) for name in names) for row in rows)
            if count:
                found[table] = count
    return found


CANARY = "erase-me"


async def hang_after_posting(world: World, gate: asyncio.Event) -> None:
    """Let posts arrive at the desk and their ends be heard of only once the gate is open."""
    original = world.desk.post

    async def post(*given: Any) -> PostRef:
        ref = await original(*given)
        await gate.wait()
        return ref

    world.desk.post = post  # type: ignore[method-assign,assignment]


async def erase(world: World, customer: ConversationId) -> None:
    """Erase a conversation from the store, as it runs."""
    store: Any = world.relay.store
    await store.erase(customer)


async def set_up(world: World, how: str, gate: asyncio.Event) -> ConversationId:
    """Bring a customer to the desk, and let the next line be `how` for a while."""
    if how == "being answered":
        world.assistant.gate.clear()
        return await world.arrives(CANARY)
    customer = await world.escalated()
    if how == "on its way":
        await hang_after_posting(world, gate)
    elif how == "tried again":
        world.desk.before = [TryAgain("busy", 5.0)]
    else:
        world.desk.after = [Uncertain("reply lost")]
    return customer


@pytest.mark.fault("F89")
@pytest.mark.parametrize("how", ["on its way", "tried again", "in doubt", "being answered"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_what_is_erased_stays_erased(
    world: World, tmp_path: Path, how: str, *, restarted: bool
) -> None:
    """Erased while a line is under way: neither its end, nor a retry, nor a copy brings it back."""
    gate = asyncio.Event()
    customer = await set_up(world, how, gate)
    said = await world.says(customer, CANARY, "one")
    assert not isinstance(said, Declined)
    await world.settle(100)
    await erase(world, customer)
    if restarted:
        await world.restart()
    gate.set()
    world.assistant.gate.set()
    await world.pass_time(60, step=5)
    posts = len(world.desk.posts)
    again = await world.says(customer, CANARY, "one")
    assert isinstance(again, Declined | Duplicate)
    assert isinstance(await world.says(customer, CANARY, "two"), Declined)
    await world.pass_time(60, step=5)
    assert len(world.desk.posts) == posts
    assert await world.relay.board.conversation(customer) is None
    kept = traces(tmp_path, customer, CANARY)
    assert set(kept) <= {"fact"}, kept


@pytest.mark.fault("F89")
async def test_others_go_on_while_one_is_erased(world: World) -> None:
    """Lines of other conversations, in the same batches, are neither lost nor doubled."""
    kept, gone = await world.escalated(), await world.escalated()
    for number in range(20):
        deeds: list[Any] = [world.says(kept, f"kept {number}"), world.says(gone, f"gone {number}")]
        if number == 10:
            deeds.append(erase(world, gone))
        await asyncio.gather(*deeds)
    await world.pass_time(30)
    words = [word for word in world.desk.words() if word.startswith("kept")]
    assert words == [f"kept {number}" for number in range(20)]
    assert not any(f"gone {number}" in world.desk.words() for number in range(12, 20))


@pytest.mark.fault("F91")
async def test_settings_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    """A broken file, by hand or by signal, is told of loudly; the old one stays in force."""
    file = tmp_path / "handoff.toml"
    file.write_text("[waits]\nunanswered = 77\n")
    async with house(tmp_path, HANDOFF_CONFIG=str(file)) as made:
        rights = made.bearer("operator")
        path = "/operator/policy/reload"
        _, before = await made.ask("POST", path, headers=rights)
        assert before["done"], before
        file.write_text("slack_signing_secret = 'replaced'\n[policy\n")
        _, refused = await made.ask("POST", path, headers=rights)
        assert not refused["done"]
        assert "cannot be read" in refused["detail"]
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        _, alive = await made.ask("GET", "/healthz")
        assert alive == {"status": "alive"}
        errors = [line for line in made.log.lines if "policy refused" in line]
        assert json.loads(errors[0])["level"] == "error"
        outcome = await made.slack.people.teammate_says(made.names["slack_thread"], "still me")
        assert outcome.statuses == [200]
        file.write_text("[waits]\nunanswered = 77\n")
        _, after = await made.ask("POST", path, headers=rights)
        assert after == before


@pytest.mark.fault("F91")
async def test_a_blank_or_weak_secret_does_not_start(tmp_path: Path) -> None:
    """What a restart would do with a bad secret: refuse by name, and leave the database alone."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve"),
        env={
            **os.environ,
            "HANDOFF_DATABASE_URL": sqlite_url(tmp_path),
            "HANDOFF_DESKS": "slack",
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": "changeme",
            "HANDOFF_SECRET_KEY": "short",
        },
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told = b"".join(await process.communicate()).decode()
    assert process.returncode not in {0, None}
    assert "HANDOFF_SECRET_KEY" in told
    assert "short" not in told.replace("too short", "")
    assert "Traceback" not in told
    assert list(tmp_path.glob("*.db")) == []


async def use(url: str) -> None:
    """Do what is logged, and what must go on all the same."""
    async with aiohttp.ClientSession(url) as http:
        async with http.post("/v1/sessions", json={"name": "Mia"}) as answer:
            session = await answer.json()
        bearer = {"Authorization": f"Bearer {session['token']}"}
        for number in range(50):
            said = {"client_id": f"m{number}", "text": f"line {number}"}
            async with http.post("/v1/messages", json=said, headers=bearer) as answer:
                assert answer.status == 202
            async with http.get("/operator/dead") as answer:
                assert answer.status == 401
        async with http.post("/v1/escalate", json={}, headers=bearer) as answer:
            assert answer.status == 202
        async with http.get("/readyz") as answer:
            assert answer.status == 200


@pytest.mark.slow
@pytest.mark.fault("F92")
async def test_a_full_log_volume_stops_nothing(tmp_path: Path) -> None:
    """Every line of the log is refused by a full device: customers and desk notice nothing."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no full device: /dev/full is not here")
    settings = {
        "HANDOFF_DATABASE_URL": sqlite_url(tmp_path),
        "HANDOFF_SECRET_KEY": "a-secret-for-this-test-only",
        "HANDOFF_DESKS": "sandbox",
        "HANDOFF_LOG_FORMAT": "json",
        "HANDOFF_LOG_LEVEL": "debug",
        "PYTHONUNBUFFERED": "",
    }
    bridge = Bridge(settings, full)
    try:
        await bridge.start()
        await use(bridge.url)
        assert bridge.process is not None
        assert bridge.process.returncode is None
        await bridge.end(signal.SIGTERM)
        assert bridge.process.returncode == 0
    finally:
        await bridge.end()
