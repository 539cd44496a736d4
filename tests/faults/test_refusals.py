"""What Slack refuses for good: a room, a thread, a post, or the token."""

import logging

import pytest

from bridge.domain.delivery import Delivery, PostMessage
from tests.faults.town import Town
from tests.servers.slack import ROOM

POST = "chat.postMessage"

OF_ONE_POST = ["msg_too_long", "invalid_blocks", "restricted_action", "an_error_of_tomorrow"]
OF_ALL_POSTS = [
    *("is_archived", "not_in_channel", "channel_not_found"),
    *("token_revoked", "account_inactive", "invalid_auth", "missing_scope"),
]
FIVE_MINUTES = 300.0


async def dead_lines(made: Town) -> list[Delivery]:
    """Return the customers' lines that were given up on; notices about them may be dead too."""
    return [d for d in await made.relay.store.dead() if isinstance(d.payload, PostMessage)]


@pytest.mark.fault("F21")
@pytest.mark.parametrize("code", [*OF_ONE_POST, *OF_ALL_POSTS])
async def test_a_refusal_parks_the_lane_and_is_told(
    at_work: Town, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    """Nothing overtakes the refused line, Slack is not hammered, the operator sees the code and
    the team too where a post is still possible; after the mend all stands in order.
    """
    customer, root = await at_work.handed_over()
    slack = at_work.slack
    # A post without its blocks is tried once, so that twice is one refusal.
    slack.fail(POST, "error", code=code, times=999 if code in OF_ALL_POSTS else 1)
    if code == "invalid_blocks":
        slack.fail(POST, "error", code=code)
    for line in ("one", "two"):
        await at_work.says(customer, line)
        await at_work.settle()
    [dead] = await dead_lines(at_work)
    assert code in dead.error
    assert "delivery given up" in [r.getMessage() for r in caplog.records if r.levelno >= 40]
    assert any(code in text for text in at_work.texts(root)) is (code in OF_ONE_POST)
    calls = slack.state.calls[POST]
    await at_work.pass_time(FIVE_MINUTES, step=5)
    assert slack.state.calls[POST] - calls <= 1
    assert at_work.lines(root) == []
    slack.faults.clear()
    assert await at_work.relay.reviver.retry(dead.id)
    await at_work.until(lambda: at_work.lines(root) == ["one", "two"])


@pytest.mark.fault("F21")
@pytest.mark.parametrize("code", ["not_in_channel", "is_archived", "token_revoked"])
async def test_a_room_that_is_mended_is_noticed_unattended(at_work: Town, code: str) -> None:
    """Nobody runs a command: within five minutes the lines stand there, once and in order."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail(POST, "error", code=code, times=999)
    for line in ("one", "two"):
        await at_work.says(customer, line)
        await at_work.settle()
    at_work.slack.faults.clear()
    await at_work.pass_time(FIVE_MINUTES + 20, step=5)

    await at_work.until(lambda: at_work.lines(root) == ["one", "two"])
    assert await dead_lines(at_work) == []


@pytest.mark.fault("F22")
async def test_a_deleted_thread_is_replaced_by_one_with_all_of_it(at_work: Town) -> None:
    """A person deletes the thread while lines are coming: one new root, pinned, and under it the
    whole talk, the lines that met the loss among it, once and in order.
    """
    customer, root = await at_work.handed_over()
    state, room = at_work.slack.state, at_work.slack.state.rooms[ROOM]
    await at_work.says(customer, "before")
    await at_work.settle()
    for message in [*state.thread(ROOM, root), state.message(ROOM, root)]:
        state.remove(room, message["ts"])
    room.pins.clear()
    for line in ("into the gap", "and on"):
        await at_work.says(customer, line)
    await at_work.settle()
    await at_work.pass_time(60, step=2)
    [new] = state.roots()
    assert new["ts"] != root
    assert room.pins == {new["ts"]}
    words = " ".join(at_work.texts(new["ts"]))
    places = [
        words.index(text) for text in ("hello", "I am here", "before", "into the gap", "and on")
    ]
    assert places == sorted(places)
    assert words.count("into the gap") == words.count("and on") == 1
    assert (await at_work.slack.people.teammate_says(new["ts"], "found you")).ok
    assert (await at_work.replies_seen(customer))[-1] == "found you"


@pytest.mark.slow
@pytest.mark.fault("F28")
async def test_a_token_replaced_under_fifty_lanes_loses_nothing(
    at_work: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Fifty customers write while the token stops being valid: all lanes are parked, and with the
    new token one `dead retry all` brings every line, once.
    """
    caplog.set_level(logging.CRITICAL)
    talks = [await at_work.handed_over() for _ in range(50)]
    at_work.slack.tokens = {"xoxb-new-token"}
    for number, (customer, _) in enumerate(talks):
        await at_work.says(customer, f"line {number}")
        await at_work.says(customer, f"more {number}")
    await at_work.settle()
    assert all(at_work.lines(root) == [] for _, root in talks)
    assert len(await dead_lines(at_work)) == 50
    at_work.use(bot_token="xoxb-new-token")
    await at_work.restart()
    for dead in await at_work.relay.store.dead():
        assert await at_work.relay.reviver.retry(dead.id)
    await at_work.settle()
    for number, (_, root) in enumerate(talks):
        assert at_work.lines(root) == [f"line {number}", f"more {number}"]
    assert await at_work.relay.store.deliveries(None) == ()
