"""While Slack's Web API hangs, Slack is answered all the same, within its three seconds."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from bridge.domain.facts import TeammateWrote
from tests.adapters.slack.scene import Scene, scene
from tests.servers.slack import person
from tests.servers.slack_people import Outcome

SECONDS = 2.5


async def in_time(doing: Awaitable[Outcome]) -> Outcome:
    """Wait for an answer, and show that it came in time."""
    began = asyncio.get_running_loop().time()
    outcome = await doing
    assert asyncio.get_running_loop().time() - began < SECONDS
    return outcome


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Scene]:
    """A desk that was just started, and cannot be told who it is."""
    async with scene(tmp_path, begin=False, known=False) as made:
        made.slack.people.retry_after = ()
        made.slack.fail("auth.test", "hang", times=9)
        yield made


def hang(at_desk: Scene, *users: str) -> None:
    """Let nobody be looked up any more; these people exist."""
    at_desk.slack.state.people.update({user: person(user, user) for user in users})
    at_desk.slack.fail("users.info", "hang", times=9)


@pytest.mark.parametrize("count", [2, 4])
async def test_unknown_people_are_looked_up_at_the_same_time(at_desk: Scene, count: int) -> None:
    """However many are mentioned, the words arrive in time, without their names if need be."""
    people = at_desk.slack.people
    await people.teammate_says(at_desk.root, "one")
    strangers = [f"U0NEW{number}" for number in range(count)]
    hang(at_desk, *strangers)
    named = " ".join(f"<@{user}>" for user in strangers)
    assert (await in_time(people.teammate_says(at_desk.root, f"two {named}"))).statuses == [200]
    assert isinstance(at_desk.facts[-1], TeammateWrote)
    assert at_desk.facts[-1].text == "two"


async def test_all_look_ups_of_one_message_share_their_time(at_desk: Scene) -> None:
    """An author who took long leaves less for those who are mentioned."""
    people = at_desk.slack.people
    at_desk.slack.state.people["U0NEW"] = person("U0NEW", "New")
    at_desk.slack.fail("users.info", "slow", seconds=1.2)
    at_desk.slack.fail("users.info", "hang", times=9)
    assert (await in_time(people.teammate_says(at_desk.root, "hi <@U0NEW>"))).statuses == [200]
    assert at_desk.only(TeammateWrote).text == "hi"


async def test_many_messages_of_somebody_unknown_wait_no_longer_than_one(at_desk: Scene) -> None:
    """Those that wait for the same look-up do not wait one after the other."""
    people = at_desk.slack.people
    people.retry_after = ()
    hang(at_desk)
    written = [people.write(at_desk.root, f"line {number}") for number in range(5)]
    outcomes = await asyncio.gather(
        *(in_time(people.deliver_message("C0SUPPORT", message)) for message in written)
    )
    assert [outcome.statuses for outcome in outcomes] == [[503]] * 5


async def test_a_window_that_does_not_open_is_given_up(at_desk: Scene) -> None:
    """The click is acknowledged, and its author told another way to write a note."""
    people = at_desk.slack.people
    at_desk.slack.fail("views.open", "hang")
    clicked = people.teammate_clicks(at_desk.root, "handoff_note")
    assert (await in_time(clicked)).statuses == [200]
    assert "did not open" in people.responses[0]["text"]


async def test_an_event_before_we_know_who_we_are_is_asked_for_again(started: Scene) -> None:
    """503: Slack sends it again."""
    people = started.slack.people
    assert (await in_time(people.teammate_says(None, "hello"))).statuses == [503]


@pytest.mark.parametrize("text", ["help", "queue", "claim h_1"])
async def test_a_command_before_we_know_who_we_are_is_answered(started: Scene, text: str) -> None:
    """Slack does not repeat it: its author is told to."""
    outcome = await in_time(started.slack.people.teammate_commands(text))
    assert outcome.statuses == [200]
    answer = json.loads(outcome.body)
    assert answer["response_type"] == "ephemeral"
    assert "try again" in answer["text"]


async def test_a_click_before_we_know_who_we_are_is_answered(started: Scene) -> None:
    """It is acknowledged, and whoever clicked is told to try again."""
    people = started.slack.people
    message = people.write(None, "a card")
    clicked = people.teammate_clicks(message["ts"], "handoff_claim", value="h_1")
    assert (await in_time(clicked)).statuses == [200]
    assert "try again" in people.responses[0]["text"]
    assert started.facts == []


async def test_a_note_before_we_know_who_we_are_is_not_lost(started: Scene) -> None:
    """The window stays open with what was written, and says why."""
    view = {"type": "modal", "callback_id": "handoff_note", "private_metadata": "h_1"}
    values = {"note": {"text": {"value": "vip"}}}
    outcome = await in_time(started.slack.people.teammate_submits(view, values))
    assert outcome.statuses == [200]
    assert "try again" in json.loads(outcome.body)["errors"]["note"]


async def test_a_note_of_somebody_unknown_is_not_lost(at_desk: Scene) -> None:
    """The same while it cannot be told who wrote it."""
    hang(at_desk)
    view = {"type": "modal", "callback_id": "handoff_note", "private_metadata": "h_1"}
    values = {"note": {"text": {"value": "vip"}}}
    outcome = await in_time(at_desk.slack.people.teammate_submits(view, values))
    assert outcome.statuses == [200]
    assert "try again" in json.loads(outcome.body)["errors"]["note"]


async def test_what_needs_several_answers_of_slack_shares_their_time(started: Scene) -> None:
    """Who we are took long: what is left is for who clicked."""
    started.slack.faults.clear()
    started.slack.fail("auth.test", "slow", seconds=1.2)
    started.slack.fail("users.info", "hang", times=9)
    outcome = await in_time(started.slack.people.teammate_commands("claim h_1"))
    assert outcome.statuses == [200]
    assert "try again" in json.loads(outcome.body)["text"]


async def test_when_slack_answers_again_all_goes_on(started: Scene) -> None:
    """The control of the tests above."""
    people = started.slack.people
    await in_time(people.teammate_commands("queue"))
    started.slack.faults.clear()
    assert "Nobody is waiting" in (await in_time(people.teammate_commands("queue"))).body
