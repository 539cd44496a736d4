"""The contract of desks on the sandbox desk, and what only this desk promises.

Its failures come as a test planned them, and it knows nothing of what was sent twice.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.pacing import RoomPacer
from adapters.sandbox.desk import CAPABILITIES, SandboxDesk
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.refs import spot_of
from adapters.sandbox.render import post_json
from bridge.domain.errors import DeliveryError, Refused, TryAgain, Uncertain
from bridge.domain.ids import PostRef, ThreadRef
from bridge.domain.posts import Amendment, Mark
from tests.adapters.sandbox.house import ROOM, card, line
from tests.clocks import START, HandClock
from tests.contracts.desk import MarkingDeskContract


@pytest.fixture
def clock() -> HandClock:
    """A clock moved by hand."""
    return HandClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: HandClock) -> AsyncIterator[SandboxDesk]:
    """A desk on an empty file."""
    async with SandboxDesk(Ledger(tmp_path / "desk.db", clock), RoomPacer(clock)) as made:
        yield made


class SandboxUnderTest:
    """The sandbox desk in a test's hands."""

    room = ROOM
    began = START

    def __init__(self, desk: SandboxDesk) -> None:
        self.desk = desk

    def fail_next(self, end: type[DeliveryError], *, after: bool) -> None:
        for method in ("open_thread", "post"):
            self.desk.faults.plan(method, end("planned"), after=after)

    def shown(self, thread: ThreadRef) -> list[str]:
        posts = map(post_json, self.desk.ledger.posts(spot_of(thread).thread))
        return [
            " ".join([post["text"], *(entry["text"] for entry in post["entries"])])
            for post in posts
            if not post["deleted"]
        ]

    def roots(self) -> int:
        return len(self.desk.ledger.threads())

    def mark_on(self, post: PostRef) -> str | None:
        kept = self.desk.ledger.post(spot_of(post).post)
        return post_json(kept)["mark"] if kept else None

    async def lose(self, thread: ThreadRef) -> None:
        self.desk.ledger.remove_thread(spot_of(thread).thread)


class TestSandbox(MarkingDeskContract):
    """The suite."""

    @pytest.fixture
    def under_test(self, desk: SandboxDesk) -> SandboxUnderTest:
        """A desk of its own for each test."""
        return SandboxUnderTest(desk)


async def test_a_root_is_found_in_its_room(desk: SandboxDesk, clock: HandClock) -> None:
    """By its key, in its room, when it was made after the moment asked about."""
    before = await desk.open_thread(ROOM, card(), "d_root")
    clock.advance(60)
    assert await desk.find(ROOM, None, "d_root", START) == before
    assert await desk.find("elsewhere", None, "d_root", START) is None
    assert await desk.find(ROOM, None, "d_root", START + 30) is None


async def test_the_platform_does_not_know_what_was_sent_twice(desk: SandboxDesk) -> None:
    """Sending the same twice makes two posts: sending once is the bridge's affair."""
    thread = await desk.open_thread(ROOM, card(), "d_root")
    first = await desk.post(thread, line("a"), ("d_1",))
    second = await desk.post(thread, line("a"), ("d_1",))
    assert first != second
    assert len(desk.ledger.posts(desk.ledger.threads()[0].id)) == 2


async def test_marks_and_words_change_apart_and_repeating_is_harmless(desk: SandboxDesk) -> None:
    """A mark leaves the words alone, words leave the mark alone; the second time nothing moves."""
    thread = await desk.open_thread(ROOM, card(), "d_root")
    post = await desk.post(thread, line("a"), ("d_1",))
    for amendment in (Amendment(mark=Mark.SHOWN), Amendment(text="b")) * 2:
        await desk.amend(post, amendment)
    [kept] = desk.ledger.posts(desk.ledger.threads()[0].id)
    assert (kept.text, kept.mark, kept.edits) == ("b", "shown", 1)
    await desk.amend(post, Amendment())
    [kept] = desk.ledger.posts(desk.ledger.threads()[0].id)
    assert kept.text is None


async def test_words_over_the_limit_are_refused(desk: SandboxDesk) -> None:
    """As platforms do; cutting is the bridge's affair."""
    thread = await desk.open_thread(ROOM, card(), "d_root")
    await desk.post(thread, line("x" * CAPABILITIES.max_text), ("d_1",))
    with pytest.raises(Refused):
        await desk.post(thread, line("x" * (CAPABILITIES.max_text + 1)), ("d_2",))


@pytest.mark.parametrize("error", [TryAgain("busy", 3.0), Uncertain("lost"), Refused("no")])
async def test_a_planned_fault_comes_before_or_after_the_effect(
    desk: SandboxDesk, error: DeliveryError
) -> None:
    """Planned once, it comes once; whether the post stands then is what was planned."""
    thread = await desk.open_thread(ROOM, card(), "d_root")
    desk.faults.plan("post", error)
    desk.faults.plan("post", error, after=True)
    for key in ("d_before", "d_after"):
        with pytest.raises(type(error)):
            await desk.post(thread, line("a"), (key,))
    assert await desk.find(ROOM, thread, "d_before", START) is None
    assert await desk.find(ROOM, thread, "d_after", START) is not None
    await desk.post(thread, line("a"), ("d_fine",))


async def test_a_file_that_another_holds_is_tried_again(tmp_path: Path, clock: HandClock) -> None:
    """While somebody else writes there is surely no effect; then it goes on."""
    path = tmp_path / "desk.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        async with SandboxDesk(Ledger(path, clock, patience=0.0), RoomPacer(clock)) as desk:
            thread = await desk.open_thread(ROOM, card(), "d_root")
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TryAgain):
                await desk.post(thread, line("a"), ("d_1",))
            other.execute("ROLLBACK")
            assert await desk.find(ROOM, thread, "d_1", START) is None
            await desk.post(thread, line("a"), ("d_1",))
