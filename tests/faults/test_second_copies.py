"""A post that stands twice: because it came late, or because something on the way sent it twice."""

from pathlib import Path

import pytest

from adapters.slack.desk import REMOVED
from tests.faults.town import Town, town
from tests.servers.slack import ROOM

WITHIN = 60.0
"""Seconds in which a second copy has to be gone."""


@pytest.mark.fault("F16")
async def test_a_post_seen_late_is_no_reason_to_send_again(at_work: Town) -> None:
    """It shows up twenty seconds after its call gave up: it is found, and stands once."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail("chat.postMessage", "late", after=True, seconds=20.0)
    await at_work.says(customer, "only once")
    await at_work.until(lambda: at_work.lines(root) == ["only once"])
    await at_work.pass_time(90, step=3)
    assert at_work.lines(root) == ["only once"]
    posts = [post for post in at_work.slack.state.posts() if post["message"]["text"] == "only once"]
    assert len(posts) == 1


@pytest.mark.fault("F16")
async def test_a_post_seen_after_it_was_sent_again_is_taken_away(at_work: Town) -> None:
    """It shows up when its absence was believed: the words stand twice for some seconds only."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail("chat.postMessage", "late", after=True, seconds=50.0)
    for line in ("one", "two"):
        await at_work.says(customer, line)
    await at_work.until(lambda: at_work.lines(root) == ["one", "one", "two"])
    await at_work.until(lambda: at_work.lines(root) == [REMOVED, "one", "two"], within=WITHIN)
    await at_work.pass_time(60, step=2)
    assert at_work.lines(root) == [REMOVED, "one", "two"]


@pytest.mark.fault("F16")
async def test_a_late_copy_is_known_after_a_restart(at_work: Town) -> None:
    """Nothing is remembered any more; the stored receipt says which of the two is meant."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail("chat.postMessage", "late", after=True, seconds=80.0)
    await at_work.says(customer, "only once")
    await at_work.until(lambda: at_work.lines(root) == ["only once"])
    await at_work.settle()
    await at_work.restart()
    await at_work.until(lambda: at_work.lines(root) == ["only once"] * 2)
    await at_work.until(lambda: at_work.lines(root) == [REMOVED, "only once"], within=WITHIN)


@pytest.mark.fault("F23")
async def test_a_root_seen_late_leaves_one_thread(at_work: Town) -> None:
    """The thread that was opened in its place stays, the late one goes."""
    at_work.slack.fail("chat.postMessage", "late", after=True, seconds=50.0)
    customer = await at_work.arrives()
    await at_work.asks_for_person(customer)
    state = at_work.slack.state
    await at_work.until(lambda: len(state.roots()) == 2)
    await at_work.until(lambda: len(state.roots()) == 1, within=WITHIN + 50)
    assert [message["ts"] for message in state.roots()] == [await at_work.root_of(customer)]


@pytest.mark.fault("F24")
async def test_what_was_sent_twice_on_the_way_stands_once(at_work: Town) -> None:
    """The request is played again behind our back: roots, lines and notices stand once."""
    at_work.slack.fail("chat.postMessage", "twice", times=4)
    customer, root = await at_work.handed_over()
    await at_work.says(customer, "only once")
    await at_work.until(lambda: "only once" in at_work.lines(root))

    def stand_once() -> bool:
        kept = [line for line in at_work.texts(root) if line != REMOVED]
        return len(at_work.slack.state.roots()) == 1 and len(kept) == len(set(kept))

    assert not stand_once()
    await at_work.until(stand_once, within=WITHIN)
    assert at_work.lines(root).count("only once") == 1


@pytest.mark.fault("F24")
async def test_events_need_not_say_which_delivery_it_was(at_work: Town) -> None:
    """Where events carry no metadata it is read back, for the post that nobody here made."""
    at_work.slack.people.tells_metadata = False
    at_work.slack.fail("chat.postMessage", "twice", times=2)
    customer, root = await at_work.handed_over()
    await at_work.says(customer, "only once")
    await at_work.settle()
    assert len(at_work.slack.state.roots()) == 2
    at_work.slack.fail("chat.postMessage", "twice")
    await at_work.says(customer, "and this")
    lines = ["only once", "and this"]
    await at_work.until(lambda: [x for x in at_work.lines(root) if x != REMOVED] == lines)
    await at_work.until(lambda: len(at_work.slack.state.roots()) == 1, within=WITHIN)


@pytest.mark.fault("F24")
async def test_a_copy_that_could_not_be_removed_is_tried_again(at_work: Town) -> None:
    """Slack fails while the copy is taken away: it goes a little later, the other stays."""
    customer, root = await at_work.handed_over()
    at_work.slack.fail("chat.postMessage", "twice")
    at_work.slack.fail("chat.delete", "status", times=2)
    await at_work.says(customer, "only once")
    await at_work.until(lambda: len(at_work.lines(root)) == 2)
    await at_work.until(lambda: at_work.lines(root) == ["only once", REMOVED], within=WITHIN)


async def test_our_own_posts_are_left_alone(at_work: Town) -> None:
    """Every echo of a talk with pages, merged lines and notices changes nothing, also later."""
    customer, root = await at_work.handed_over("a long story. " * 700)
    for number in range(5):
        await at_work.says(customer, f"line {number}")
    await at_work.settle()
    stand = at_work.texts(root)
    assert len(stand) >= 4
    for message in list(at_work.slack.state.thread(ROOM, root)):
        at_work.slack.people.echo(ROOM, message)
    await at_work.pass_time(30)
    await at_work.restart()
    for message in list(at_work.slack.state.thread(ROOM, root)):
        at_work.slack.people.echo(ROOM, message)
    await at_work.pass_time(120, step=2)
    assert at_work.texts(root) == stand
    assert at_work.slack.state.calls["chat.delete"] == 0


async def test_a_strangers_copy_is_left_alone(at_work: Town) -> None:
    """Another app that copies our metadata cannot make us delete anything."""
    customer, root = await at_work.handed_over()
    await at_work.says(customer, "mine")
    await at_work.settle()
    [mine] = [m for m in at_work.slack.state.thread(ROOM, root) if m["text"] == "mine"]
    copied = {"metadata": mine["metadata"], "bot_id": "B0OTHER", "subtype": "bot_message"}
    await at_work.slack.people.teammate_says(root, "theirs", **copied)
    await at_work.pass_time(60, step=2)
    assert {"mine", "theirs"} <= set(at_work.texts(root))
    assert at_work.slack.state.calls["chat.delete"] == 0


@pytest.mark.fault("F25")
@pytest.mark.parametrize("kind", ["error", "rate"])
async def test_a_doubt_is_settled_by_the_echo(tmp_path: Path, kind: str) -> None:
    """Reading back is not allowed, or not now: the post that came back as an event is adopted."""
    async with town(tmp_path) as made:
        customer, root = await made.handed_over()
        more = {"code": "missing_scope"} if kind == "error" else {"retry_after": "60"}
        made.slack.fail("conversations.replies", kind, times=99, **more)
        made.slack.fail("chat.postMessage", "reset", after=True)
        for line in ("one", "two"):
            await made.says(customer, line)
            await made.pass_time(1)
        await made.until(lambda: made.lines(root) == ["one", "two"], within=60)
        await made.pass_time(60, step=2)
        assert made.lines(root) == ["one", "two"]
        assert await made.relay.store.dead() == ()
