"""Socket Mode: acknowledged after it is stored, watched for silence, never stuck on an address."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.slack.socket import PAUSES
from bridge.clock import SystemClock
from bridge.domain.facts import TeammateActed, TeammateWrote
from tests.adapters.slack.scene import HANDOFF, Scene, scene
from tests.servers.slack import APP_TOKEN


class Impatient(SystemClock):
    """The machine's clock, on which nobody sleeps long."""

    async def sleep(self, seconds: float) -> None:
        """Sleep a fiftieth of it."""
        await super().sleep(seconds / 50)


@contextlib.asynccontextmanager
async def listening(folder: Path, silence: float = 5.0) -> AsyncIterator[Scene]:
    """A desk that listens on sockets, both open."""
    async with scene(folder, Impatient(), app_token=APP_TOKEN, signing_secret="") as made:
        for socket in made.rooms.sockets:
            socket.silence = silence
        background = asyncio.create_task(made.rooms.run())
        try:
            await until(made, lambda: len(made.slack.sockets.connected) == 2)
            yield made
        finally:
            background.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await background


async def until(made: Scene, holds: Callable[[], bool]) -> None:
    """Wait for connections to come and go until something holds."""
    async with asyncio.timeout(5):
        while not holds():
            await made.slack.sockets.moved()


@pytest.fixture
async def linked(tmp_path: Path) -> AsyncIterator[Scene]:
    """The usual."""
    async with listening(tmp_path) as made:
        yield made


async def test_it_serves_no_route(linked: Scene) -> None:
    """Over sockets nobody posts to us."""
    assert linked.rooms.routes() == []


async def test_events_arrive_and_are_acknowledged(linked: Scene) -> None:
    """On either connection, each once."""
    outcomes = [await linked.slack.people.teammate_says(linked.root, f"{i}") for i in range(6)]
    assert all(outcome.statuses == [200] for outcome in outcomes)
    assert [fact.text for fact in linked.facts if isinstance(fact, TeammateWrote)] == list("012345")


async def test_clicks_and_commands_arrive(linked: Scene) -> None:
    """And a command's answer travels with its acknowledgement."""
    await linked.slack.people.teammate_clicks(linked.root, "handoff_claim")
    assert linked.only(TeammateActed)
    told = await linked.slack.people.teammate_commands("queue")
    assert HANDOFF in json.loads(told.body)["text"]


async def test_what_is_not_stored_is_not_acknowledged(linked: Scene) -> None:
    """Slack sends it again, and then it counts once."""
    linked.slack.sockets.ack_seconds = 0.1
    linked.inbox.away = True
    asyncio.get_running_loop().call_later(0.15, setattr, linked.inbox, "away", False)
    outcome = await linked.slack.people.teammate_says(linked.root, "keep me")
    assert outcome.statuses[0] == 0
    assert outcome.ok
    assert linked.only(TeammateWrote).text == "keep me"


async def test_a_refresh_leaves_no_gap(linked: Scene) -> None:
    """An announced end of both connections brings new ones, each on its own fresh address."""
    sockets = linked.slack.sockets
    old = list(sockets.connected)
    await sockets.announce("refresh_requested")
    await until(
        linked, lambda: len(sockets.connected) == 2 and not set(old) & set(sockets.connected)
    )
    assert (await linked.slack.people.teammate_says(linked.root, "still here")).ok
    assert sockets.used_again == 0


async def test_a_refused_connection_asks_for_a_fresh_address(linked: Scene) -> None:
    """While Slack refuses, every attempt has an address of its own; then it goes on."""
    sockets = linked.slack.sockets
    opened = sockets.opened
    sockets.refuse = 3
    await sockets.close()
    await until(linked, lambda: len(sockets.connected) == 2)
    assert sockets.opened >= opened + 4
    assert sockets.used_again == 0


async def test_silence_is_an_end(tmp_path: Path) -> None:
    """A connection on which nothing arrives, not even Slack's ping, is replaced."""
    async with listening(tmp_path, silence=0.4) as made:
        sockets = made.slack.sockets
        old = list(sockets.connected)
        sockets.hush()
        await until(made, lambda: len(sockets.connected) >= 2 and old[0] not in sockets.connected)
        assert (await made.slack.people.teammate_says(made.root, "back")).ok


async def test_pings_keep_a_quiet_connection(tmp_path: Path) -> None:
    """With nothing to say, Slack's pings are traffic enough."""
    async with listening(tmp_path, silence=0.4) as made:
        old = list(made.slack.sockets.connected)
        await asyncio.sleep(0.9)
        assert made.slack.sockets.connected == old


async def test_what_was_missed_is_read_in_the_threads(linked: Scene) -> None:
    """A reply written while both connections were lost reaches the customer all the same."""
    sockets = linked.slack.sockets
    sockets.refuse = 2
    await sockets.close()
    linked.slack.people.write(linked.root, "written in the dark")
    await linked.inbox.arrived.wait()
    assert linked.only(TeammateWrote).text == "written in the dark"


async def test_nonsense_on_the_line_does_no_harm(linked: Scene) -> None:
    """What is no payload is ignored, and the connection goes on."""
    for text in ("", "[]", "null", '{"type": "events_api"}', '{"type": 5}', "[" * 100_000):
        for socket in linked.slack.sockets.connected:
            await socket.send_str(text)
    assert (await linked.slack.people.teammate_says(linked.root, "hello")).ok
    assert len(linked.slack.sockets.connected) == 2


async def test_over_http_the_threads_are_read_at_the_start(tmp_path: Path) -> None:
    """What was written, edited or said while the bridge was down is taken when it comes back."""
    async with scene(tmp_path) as made:
        ts = made.slack.people.write(made.root, "first")["ts"]
        made.slack.people.edit(ts, "first, mended")
        made.slack.people.write(made.root, "note: second")
        made.slack.people.write(made.root, "from a guest", user="U0GUEST")
        assert await made.rooms.catch_up() == 1
        wrote = [fact for fact in made.facts if isinstance(fact, TeammateWrote)]
        assert [(fact.text, fact.note) for fact in wrote] == [
            ("first, mended", False),
            ("note: second", True),
        ]
        count = len(made.facts)
        await made.rooms.catch_up()
        assert len(made.facts) == count


async def test_a_thread_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    """The rest is still caught up with."""
    async with scene(tmp_path) as made:
        made.slack.people.write(made.root, "hello")
        made.slack.fail("conversations.replies", "status")
        assert await made.rooms.catch_up() == 0
        assert await made.rooms.catch_up() == 1
        assert made.only(TeammateWrote).text == "hello"


async def test_catching_up_is_not_done_twice_at_once(tmp_path: Path) -> None:
    """Asked five times, it reads once and then once more."""
    async with scene(tmp_path) as made:
        made.slack.latency = 0.05
        await asyncio.gather(*(made.rooms.catch_up() for _ in range(5)))
        assert made.slack.state.calls["conversations.replies"] == 2


def test_pauses_grow() -> None:
    """The more often it failed, the longer it waits, and never more than half a minute."""
    assert list(PAUSES) == sorted(PAUSES)
    assert PAUSES[-1] <= 30
