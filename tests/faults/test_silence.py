"""Slack stops telling what happens: held back, switched off, or a link that is open and dead."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.town import Town, town

HOUR = 3600.0


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


async def test_a_quiet_room_is_no_alarm(quiet_town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Posts that come back as events, and then an hour of nothing, are as it should be."""
    made = quiet_town
    customer, _ = await made.handed_over()
    await made.says(customer, "thanks")
    await made.pass_time(HOUR, step=10)
    assert alarms(caplog) == []
