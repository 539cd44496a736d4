"""Events from Slack that come twice, late, in the wrong order, in pieces, or at a bad moment."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bridge.domain.facts import Fact, Verdict
from tests.faults.town import Town, held_commits
from tests.servers.slack import ROOM
from tests.servers.slack_people import Outcome, sign


def event_of(at_work: Town, root: str, text: str) -> dict[str, Any]:
    """Write a reply in the workspace and return the event that tells of it."""
    message = at_work.slack.people.write(root, text)
    return {**message, "channel": ROOM, "channel_type": "channel", "event_ts": message["ts"]}


@pytest.mark.fault("F01")
async def test_four_deliveries_of_one_event_are_one_message(at_work: Town) -> None:
    """At once, at once again, after a minute and after five: each is answered 200, one counts."""
    customer, root = await at_work.handed_over()
    event = event_of(at_work, root, "once")
    for pause in (0, 0, 60, 240):
        await at_work.pass_time(pause, step=5)
        assert (await at_work.slack.people.deliver_event(event, "Ev1")).statuses == [200]
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.fault("F02")
async def test_a_redelivery_of_what_never_came_is_taken(at_work: Town) -> None:
    """The third attempt is the first to arrive: the customer reads it."""
    customer, root = await at_work.handed_over()
    people = at_work.slack.people
    body = json.dumps(people.envelope(event_of(at_work, root, "at last"))).encode()
    headers = {"x-slack-retry-num": "3", "x-slack-retry-reason": "http_timeout"}
    outcome = Outcome()
    await people.post(body, "application/json", outcome, headers)
    assert outcome.statuses == [200]
    assert await at_work.replies_seen(customer) == ["I am here", "at last"]


@pytest.mark.fault("F03")
async def test_eleven_event_ids_for_one_message_are_one_message(at_work: Town) -> None:
    """No header tells that they are copies, and no two ids are the same."""
    customer, root = await at_work.handed_over()
    at_work.slack.people.copies = 11
    await at_work.slack.people.teammate_says(root, "once")
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.fault("F04")
async def test_a_redelivery_during_the_first_is_answered_like_it(at_work: Town) -> None:
    """While the first waits for its transaction the second comes: both 200, one message."""
    customer, root = await at_work.handed_over()
    event = event_of(at_work, root, "once")
    people, inbox = at_work.slack.people, at_work.relay.inbox
    report, reported = inbox.report, asyncio.Semaphore(0)

    def reports(fact: Fact) -> "asyncio.Future[Verdict]":
        reported.release()
        return report(fact)

    inbox.report = reports  # type: ignore[method-assign]
    with held_commits(at_work) as gate:
        first = asyncio.ensure_future(people.deliver_event(event, "Ev1"))
        await reported.acquire()
        second = asyncio.ensure_future(people.deliver_event(event, "Ev1"))
        await reported.acquire()
        assert not first.done()
        gate.set()
        outcomes = await asyncio.gather(first, second)
    assert [outcome.statuses for outcome in outcomes] == [[200], [200]]
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.fault("F05")
async def test_copies_count_for_nothing_however_late(at_work: Town) -> None:
    """An hour, a day and a month later, across a restart: the key of a fact does not expire."""
    customer, root = await at_work.handed_over()
    event = event_of(at_work, root, "once")
    for hours in (0, 1, 24, 30 * 24):
        at_work.clock.advance(hours * 3600.0)
        await at_work.settle()
        if hours > 1:
            await at_work.restart()
        assert (await at_work.slack.people.deliver_event(event)).statuses == [200]
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.fault("F06")
async def test_an_edit_before_its_original_wins(at_work: Town) -> None:
    """The customer never reads the older words; what is edited into a note never shows."""
    customer, root = await at_work.handed_over()
    people = at_work.slack.people
    for first, then in (("teh parcel", "the parcel"), ("he is rude", "note: he is rude")):
        original = event_of(at_work, root, first)
        await people.deliver_event(people.edit(original["ts"], then))
        await people.deliver_event(original)
    assert await at_work.replies_seen(customer) == ["I am here", "the parcel"]


@pytest.mark.fault("F06")
async def test_a_deletion_before_its_original_wins(at_work: Town) -> None:
    """The reply that comes after its own deletion is not shown."""
    customer, root = await at_work.handed_over()
    original = event_of(at_work, root, "oops")
    await at_work.slack.people.teammate_deletes(original["ts"])
    await at_work.slack.people.deliver_event(original)
    assert await at_work.replies_seen(customer) == ["I am here"]


@pytest.mark.fault("F06")
async def test_a_deletion_that_names_the_message_only_takes_it_back(at_work: Town) -> None:
    """Before and after the reply, and without a word about what it was."""
    customer, root = await at_work.handed_over()
    for is_first in (False, True):
        original = event_of(at_work, root, "oops")
        gone = at_work.slack.people.deletion(ROOM, original)
        del gone["previous_message"]
        for event in (gone, original) if is_first else (original, gone):
            await at_work.slack.people.deliver_event(event)
    assert await at_work.replies_seen(customer) == ["I am here"]


@pytest.mark.fault("F06")
async def test_replies_in_reverse_are_all_there(at_work: Town) -> None:
    """Three replies come last first: all are shown, each with the time it was written at."""
    customer, root = await at_work.handed_over()
    events = [event_of(at_work, root, text) for text in ("one", "two", "three")]
    for event in reversed(events):
        await at_work.slack.people.deliver_event(event)
    log = [m for m in await at_work.messages(customer) if m.text in {"one", "two", "three"}]
    by_time = [m.text for m in sorted(log, key=lambda m: m.sent_at)]
    assert by_time == ["one", "two", "three"]


@contextmanager
def stalled(folder: Path) -> Iterator[sqlite3.Connection]:
    """Let another connection keep the database from writing until it is closed."""
    other = sqlite3.connect(folder / "handoff.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


@pytest.mark.fault("F07")
@pytest.mark.parametrize(
    ("seconds", "statuses"),
    [(0.3, [200]), (0.9, [0, 200]), pytest.param(6.0, [503, 200], marks=pytest.mark.slow)],
)
async def test_a_stalled_database_loses_and_doubles_nothing(
    tmp_path: Path, at_work: Town, seconds: float, statuses: list[int]
) -> None:
    """Shorter than Slack waits: stored, then 200. Longer: Slack comes again, and it counts once.
    Longer than we wait: 503 and nothing stored.
    """
    customer, root = await at_work.handed_over()
    people = at_work.slack.people
    people.patience = 0.6 if seconds < 5 else 60.0
    event = event_of(at_work, root, "once")
    with stalled(tmp_path) as other:
        asyncio.get_running_loop().call_later(seconds, other.close)
        outcome = await people.deliver_event(event)
    assert outcome.statuses == statuses
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.parametrize(
    "committed",
    [
        pytest.param(True, marks=pytest.mark.fault("F08")),
        pytest.param(False, marks=pytest.mark.fault("F09")),
    ],
)
async def test_dead_before_the_answer_is_made_good_by_the_redelivery(
    at_work: Town, *, committed: bool
) -> None:
    """The bridge dies right before, or right after, the commit: Slack hears nothing, comes again,
    and the customer reads it once.
    """
    customer, root = await at_work.handed_over()
    people, store = at_work.slack.people, at_work.relay.store
    real, reached = store.commit, asyncio.Event()

    async def last_words(write: Any) -> None:
        if committed:
            await real(write)
        reached.set()
        await asyncio.Event().wait()

    store.commit = last_words  # type: ignore[method-assign]
    people.retry_after = ()
    event = event_of(at_work, root, "once")
    first = asyncio.ensure_future(people.deliver_event(event))
    await reached.wait()
    await at_work.restart()
    assert (await first).statuses == [0]
    assert await at_work.replies_seen(customer) == ["I am here", *(["once"] if committed else [])]
    assert (await people.deliver_event(event)).statuses == [200]
    assert await at_work.replies_seen(customer) == ["I am here", "once"]


@pytest.mark.fault("F14")
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_body_cut_short_stores_nothing(at_work: Town, end: str) -> None:
    """Half of a signed body, then the end of the connection: nothing is taken; the whole is."""
    customer, root = await at_work.handed_over()
    people = at_work.slack.people
    body = json.dumps(people.envelope(event_of(at_work, root, "whole"))).encode()
    now = str(int(at_work.clock.now()))
    target = urlsplit(people.target)
    assert target.hostname is not None
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    writer.write(
        f"POST {target.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {now}\r\n"
        f"X-Slack-Signature: {sign(people.secret, now, body)}\r\n\r\n".encode()
        + body[: len(body) // 2]
    )
    await writer.drain()
    writer.transport.abort() if end == "reset" else writer.write_eof()
    await reader.read()
    writer.close()
    await at_work.settle()
    assert await at_work.replies_seen(customer) == ["I am here"]
    outcome = Outcome()
    await people.post(body, "application/json", outcome)
    assert outcome.statuses == [200]
    assert await at_work.replies_seen(customer) == ["I am here", "whole"]
