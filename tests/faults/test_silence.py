"""Slack stops telling what happens: held back, switched off, or a link that is open and dead."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.slack.socket import PAUSES, SILENCE_SECONDS
from bridge.domain.ids import ConversationId
from tests.faults.town import Town, town
from tests.servers.slack import APP_TOKEN

HOUR = 3600.0
CONNECTED_WITHIN = 31.0
"""Thirty seconds, and what a round of the clock takes."""


@pytest.fixture
async def quiet_town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town in which nothing has been said for a while."""
    async with town(tmp_path) as made:
        yield made


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the errors told to whoever runs the bridge."""
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]


@pytest.mark.fault("F10")
async def test_an_hour_without_events_loses_nothing(
    quiet_town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody switches the subscription off: within five minutes of our next post there is an
    alarm and the threads are read; what was written in the end is there too when events return.
    """
    made = quiet_town
    customer, root = await made.handed_over()
    made.slack.echo = False
    made.slack.people.write(root, "written in the dark")
    await made.says(customer, "are you still there?")
    await made.pass_time(300, step=5)
    assert alarms(caplog) == ["slack.nothing_heard"]
    assert await made.replies_seen(customer) == ["I am here", "written in the dark"]
    await made.pass_time(HOUR - 300, step=10)
    made.slack.people.write(root, "written at the end")
    made.slack.echo = True
    await made.slack.people.teammate_says(root, "written in the light")
    await made.pass_time(60, step=5)
    seen = await made.replies_seen(customer)
    assert sorted(seen[2:]) == ["written at the end", "written in the light"]
    assert alarms(caplog) == ["slack.nothing_heard"]


@pytest.mark.fault("F10")
async def test_events_that_slack_holds_back_are_read(
    quiet_town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack tells every minute for an hour that there were too many events, and drops some."""
    made = quiet_town
    customer, root = await made.handed_over()
    notice = {"type": "app_rate_limited", "team_id": "T0TEAM", "minute_rate_limited": 1}
    for minute in range(60):
        await made.slack.people.deliver_payload(notice)
        if minute == 30:
            made.slack.people.write(root, "dropped by Slack")
        await made.pass_time(60, step=10)
    assert await made.replies_seen(customer) == ["I am here", "dropped by Slack"]
    made.slack.people.write(root, "dropped at the end")
    await made.pass_time(180, step=10)
    assert (await made.replies_seen(customer))[2:] == ["dropped at the end"]
    assert "slack.nothing_heard" in alarms(caplog)


@pytest.fixture
async def linked_town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town over Socket Mode, whose connections are given up after half a second of silence."""
    async with town(tmp_path, app_token=APP_TOKEN, signing_secret="") as made:
        for socket in made.rooms.sockets:
            socket.silence = 0.5
        await made.until(lambda: len(made.slack.sockets.connected) == 2, step=0.05)
        yield made


def test_a_silent_link_is_given_up_in_time() -> None:
    """What the tests below shorten leaves time to connect again within thirty seconds."""
    assert SILENCE_SECONDS + PAUSES[0] + 5 <= CONNECTED_WITHIN


@pytest.mark.fault("F11")
async def test_a_dead_link_is_replaced_and_nothing_is_missed(linked_town: Town) -> None:
    """Both connections stay open and say nothing more: they are replaced, the threads are read."""
    made = linked_town
    customer, root = await made.handed_over()
    dead = list(made.slack.sockets.connected)
    made.slack.sockets.hush()
    made.slack.people.write(root, "written in the dark")
    await asyncio.wait_for(_replaced(made, dead), 5)
    await _seen(made, customer, "written in the dark")
    assert (await made.slack.people.teammate_says(root, "back")).ok


@pytest.mark.fault("F11")
@pytest.mark.parametrize("trouble", ["endpoint", "refused", "names", "nobody"])
async def test_a_link_that_cannot_be_replaced_comes_back_with_slack(
    linked_town: Town, trouble: str
) -> None:
    """Slack ends the connections while no new one can be had for minutes: its address is not
    given, not accepted, not found, or leads nowhere. Soon after that is over all is read.
    """
    made = linked_town
    customer, root = await made.handed_over()
    sockets, dead = made.slack.sockets, list(made.slack.sockets.connected)
    made.slack.fail("apps.connections.open", "status", times=999 if trouble == "endpoint" else 0)
    sockets.refuse = 999 if trouble == "refused" else 0
    made.names.is_away = trouble == "names"
    made.names.is_wrong = trouble == "nobody"
    await sockets.announce("refresh_requested")
    await made.until(lambda: not set(dead) & set(sockets.connected), step=0.1)
    made.slack.people.write(root, "written in the dark")
    await made.pass_time(240, step=2)
    assert sockets.connected == []
    made.slack.faults.clear()
    sockets.refuse = 0
    made.names.is_away = made.names.is_wrong = False
    over = made.clock.now()
    await made.until(lambda: bool(sockets.connected))
    assert made.clock.now() - over <= CONNECTED_WITHIN
    await _seen(made, customer, "written in the dark")


async def _replaced(made: Town, dead: list[Any]) -> None:
    sockets = made.slack.sockets
    while set(dead) & set(sockets.connected) or not sockets.connected:
        made.clock.advance(0.1)
        await asyncio.sleep(0.01)


async def _seen(made: Town, customer: ConversationId, text: str) -> None:
    """Wait until the customer can read it, and see that it stands once."""
    for _ in range(500):
        if text in await made.replies_seen(customer):
            break
        await made.pass_time(0.1, step=0.1)
    assert (await made.replies_seen(customer)).count(text) == 1


async def test_a_quiet_room_is_no_alarm(quiet_town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Posts that come back as events, and then an hour of nothing, are as it should be."""
    made = quiet_town
    customer, root = await made.handed_over()
    await made.says(customer, "thanks")
    await made.pass_time(HOUR, step=10)
    made.slack.echo = False
    await made.says(customer, "its echo is late, but something else is heard")
    await made.pass_time(60, step=10)
    await made.slack.people.teammate_says(root, "you are welcome")
    await made.pass_time(240, step=10)
    assert alarms(caplog) == []
