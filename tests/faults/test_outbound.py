"""Calls to Slack whose answer is lost, late, garbled or a refusal: each line stands once."""

from pathlib import Path
from typing import Any

import pytest

from adapters.slack.errors import LONGEST_WAIT
from adapters.slack.refs import place_of
from bridge.domain.facts import CustomerSaw
from bridge.domain.handoff import State
from bridge.domain.ids import ConversationId
from tests.faults.town import Town, town
from tests.servers.slack import ROOM
from tests.servers.slack_state import Room

POST = "chat.postMessage"
LINES = ["one", "two", "three"]
MUTE = 0.5
"""Seconds a call hangs: longer than the bridge waits here."""


async def said(made: Town, customer: ConversationId) -> None:
    """Let the customer write three lines."""
    for line in LINES:
        await made.says(customer, line)
        await made.pass_time(0.5)


async def stand_once(made: Town, root: str) -> None:
    """Wait until all three lines stand, in order, and see that it stays so."""
    await made.until(lambda: made.lines(root) == LINES)
    await made.pass_time(90, step=3)
    assert made.lines(root) == LINES
    assert await made.relay.store.deliveries(None) == ()


@pytest.mark.fault("F15")
@pytest.mark.parametrize("kind", ["reset", "hang"])
@pytest.mark.parametrize("echo", [True, False])
async def test_a_lost_answer_makes_no_second_post(tmp_path: Path, kind: str, *, echo: bool) -> None:
    """The post was made and the connection ended, or stayed mute: found, not sent again."""
    async with town(tmp_path, echo=echo, timeout=0.3) as made:
        customer, root = await made.handed_over()
        calls = made.slack.state.calls[POST]
        made.slack.fail(POST, kind, after=True, seconds=MUTE)
        await said(made, customer)
        await stand_once(made, root)
        sent = [entry["message"]["text"] for entry in made.slack.state.posts()]
        assert sum(text.split("\n").count("one") for text in sent) == 1
        assert made.slack.state.calls[POST] - calls <= len(LINES)


@pytest.mark.fault("F17")
@pytest.mark.parametrize("trouble", ["names", "nobody"])
async def test_a_place_that_cannot_be_reached_is_tried_again(at_work: Town, trouble: str) -> None:
    """No name service, or nobody at the door, for five minutes: then each line stands once."""
    customer, root = await at_work.handed_over()
    at_work.names.is_away = trouble == "names"
    at_work.names.is_wrong = trouble == "nobody"
    await said(at_work, customer)
    await at_work.pass_time(300, step=5)
    assert at_work.lines(root) == []
    at_work.names.is_away = at_work.names.is_wrong = False
    await stand_once(at_work, root)


@pytest.mark.fault("F18")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 1), ("30", 30), ("3600", LONGEST_WAIT), (None, 1), ("-5", 1), ("tomorrow", 1)],
)
async def test_slack_says_how_long_to_wait(
    at_work: Town, header: str | None, seconds: float
) -> None:
    """Nothing is sent there before, nothing much later, and never is ten minutes exceeded."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail(POST, "rate", retry_after=header)
    began = at_work.clock.now()
    await at_work.says(customer, "patience")
    await at_work.until(lambda: at_work.lines(root) == ["patience"], step=max(seconds / 200, 0.5))
    assert seconds <= at_work.clock.now() - began <= seconds + max(5, seconds / 50)
    assert await at_work.relay.store.dead() == ()


@pytest.mark.fault("F18")
async def test_a_room_that_has_to_wait_holds_up_no_other(tmp_path: Path) -> None:
    """One room is told to wait for ten minutes; the line in the other stands at once."""
    async with town(tmp_path) as made:
        customer, root = await made.handed_over()
        made.slack.state.rooms["C0OTHER"] = Room("C0OTHER", "other")
        made.rooms_wanted = ("C0OTHER",)
        await made.restart()
        other, other_root = await made.handed_over(room="C0OTHER")
        made.slack.fail(POST, "rate", retry_after="3600")
        await made.says(customer, "patience")
        await made.pass_time(1)
        await made.says(other, "at once")
        await made.until(lambda: made.lines(other_root, "C0OTHER") == ["at once"], within=5)
        assert made.lines(root) == []
        await made.until(lambda: made.lines(root) == ["patience"], step=5)


@pytest.mark.fault("F19")
@pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
@pytest.mark.parametrize("after", [True, False])
async def test_an_error_inside_slack_is_a_doubt(at_work: Town, code: str, *, after: bool) -> None:
    """Whether the post was made all the same or not: it stands once."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail(POST, "error", code=code, after=after)
    await said(at_work, customer)
    await stand_once(at_work, root)


@pytest.mark.fault("F20")
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("status", {"status": 502}),
        ("not_json", {}),
        ("no_ts", {}),
        ("truncated", {}),
    ],
)
@pytest.mark.parametrize("after", [True, False])
async def test_an_answer_that_says_nothing_is_a_doubt(
    at_work: Town, kind: str, more: dict[str, Any], *, after: bool
) -> None:
    """HTML, half of the JSON, or no timestamp: looked up, and the line stands once."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail(POST, kind, after=after, **more)
    await said(at_work, customer)
    await stand_once(at_work, root)


@pytest.mark.fault("F23")
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("kind", ["reset", "hang", "error", "no_ts"])
async def test_a_doubt_about_the_root_makes_no_second_thread(
    at_work: Town, kind: str, *, after: bool
) -> None:
    """However the call that opens the thread ends: one thread, and all that waits goes there."""
    at_work.slack.fail(POST, kind, after=after, seconds=MUTE)
    customer = await at_work.arrives()
    await at_work.asks_for_person(customer)
    await at_work.says(customer, "hello?")
    await at_work.until(lambda: len(at_work.slack.state.posts()) >= 2)
    await at_work.pass_time(90, step=3)
    [root] = at_work.slack.state.roots()
    assert root["ts"] == await at_work.root_of(customer)
    assert at_work.lines(root["ts"]) == ["hello?"]


@pytest.mark.fault("F25")
async def test_small_and_rare_pages_settle_a_doubt_in_time(tmp_path: Path) -> None:
    """No echo comes, a page has 15 messages, and Slack gives one page a minute: settled by it."""
    async with town(tmp_path, echo=False, timeout=0.3) as made:
        customer, root = await made.handed_over()
        for number in range(40):
            made.slack.people.write(root, f"talk {number}")
        made.slack.page_limit = 15
        made.slack.reading.per_second, made.slack.reading.clock = 1 / 60, made.clock.monotonic
        made.slack.fail(POST, "reset", after=True)
        await made.says(customer, "one")
        await made.pass_time(900, step=5)
        await made.says(customer, "two")
        await made.until(lambda: made.lines(root) == ["one", "two"], within=60)
        assert await made.relay.store.dead() == ()


@pytest.mark.fault("F25")
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_doubt_outlasts_an_outage_of_some_minutes(tmp_path: Path, *, arrived: bool) -> None:
    """No echo comes, and for minutes threads cannot be read: nothing is given up, the line stands
    once, and what waited behind it follows.
    """
    async with town(tmp_path, echo=False) as made:
        customer, root = await made.handed_over()
        made.slack.fail("conversations.replies", "error", code="internal_error", times=7)
        made.slack.fail(POST, "reset", after=arrived)
        await made.says(customer, "one")
        await made.says(customer, "two")
        await made.pass_time(300, step=5)
        await made.until(lambda: made.lines(root) == ["one", "two"])
        assert await made.relay.store.dead() == ()


@pytest.mark.fault("F25")
async def test_a_doubt_that_cannot_be_settled_is_shown(tmp_path: Path) -> None:
    """No echo comes and reading back is not allowed: people and operator are told, nothing is
    sent again by itself.
    """
    async with town(tmp_path, echo=False) as made:
        customer, root = await made.handed_over()
        made.slack.fail("conversations.replies", "error", code="missing_scope", times=99)
        made.slack.fail(POST, "reset", after=True)
        await made.says(customer, "perhaps")
        why = "could not find out whether it arrived"
        await made.until(lambda: any(why in text for text in made.texts(root)))
        [dead] = await made.relay.store.dead()
        assert dead.error == why
        await made.pass_time(600, step=5)
        assert made.lines(root) == ["perhaps"]


@pytest.mark.fault("F27")
@pytest.mark.parametrize("kind", ["reset", "error"])
@pytest.mark.parametrize("after", [True, False])
async def test_a_doubt_about_a_change_ends_in_the_right_state(
    at_work: Town, kind: str, *, after: bool
) -> None:
    """The card and the mark under a reply are brought up to date by doing it again."""
    customer, root = await at_work.handed_over()
    state = at_work.slack.state
    for method in ("chat.update", "reactions.add"):
        at_work.slack.fail(method, kind, after=after, times=2)
    seen = (await at_work.messages(customer))[-1].seq
    now = at_work.clock.now()
    await at_work.report(CustomerSaw(key="", at=now, conversation_id=customer, shown=seen))
    await at_work.slack.people.teammate_says(root, "!resolve")
    await at_work.pass_time(60, step=1)
    conversation = await at_work.conversation(customer)
    assert conversation.handoff is not None
    assert conversation.handoff.state is State.RESOLVED
    assert "resolved" in str(state.message(ROOM, root)).casefold()
    [post] = [m.post for m in await at_work.messages(customer) if m.post]
    assert len(state.reactions[ROOM, place_of(post).ts]) == 1


@pytest.mark.fault("F27")
@pytest.mark.parametrize("after", [True, False])
async def test_a_doubt_about_a_removal_ends_with_it_gone(at_work: Town, *, after: bool) -> None:
    """The answer to a removal is lost, whether it was made or not: done again, gone once."""
    at_work.slack.fail(POST, "twice")
    at_work.slack.fail("chat.delete", "reset", after=after)
    await at_work.handed_over()
    assert len(at_work.slack.state.roots()) == 2
    await at_work.until(lambda: at_work.slack.state.calls["chat.delete"] == 2)
    await at_work.pass_time(10)
    assert len(at_work.slack.state.roots()) == 1
