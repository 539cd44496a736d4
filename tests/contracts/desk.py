"""What every desk must do, whatever the platform: one suite, run against each of them.

A module of tests subclasses `DeskContract` (`MarkingDeskContract` for a desk that has marks) and
gives a fixture `under_test`: a desk, and a platform that can be told to fail and asked what
people would see.
"""

import asyncio
import itertools
from typing import Any, Protocol

import pytest

from bridge.domain.errors import DeliveryError, Refused, TryAgain, Uncertain
from bridge.domain.facts import Verb
from bridge.domain.handoff import State
from bridge.domain.ids import HandoffId, PostRef, ThreadRef, desk_of
from bridge.domain.messages import Role
from bridge.domain.posts import Amendment, Card, Entry, Mark, Post, PostKind
from bridge.ports.desk import Desk, Turn

NOW = 1_800_000_000.0
PATIENCE = 20.0
"""Seconds within which a desk that nobody else uses has to give a turn."""


class DeskUnderTest(Protocol):
    """A desk with its platform in a test's hands."""

    desk: Desk
    room: str
    began: float

    def fail_next(self, end: type[DeliveryError], *, after: bool) -> None:
        """Let the platform end the next post this way; `after`: people see the post."""
        ...

    def shown(self, thread: ThreadRef) -> list[str]:
        """Return the words of each post in a thread, as people see them, without the root."""
        ...

    def roots(self) -> int:
        """Return how many threads people see."""
        ...

    def mark_on(self, post: PostRef) -> str | None:
        """Return the one mark people see on a post; fails when there are several."""
        ...

    async def lose(self, thread: ThreadRef) -> None:
        """Let a person delete a thread, root and all."""
        ...


_numbers = itertools.count(1)


def key() -> str:
    """Return a new delivery id."""
    return f"d_{next(_numbers):020d}"


def card(state: State = State.WAITING, **changes: Any) -> Card:
    """Return a case card."""
    values: dict[str, Any] = {
        "handoff_id": HandoffId("h_1"),
        "number": 1,
        "state": state,
        "is_open": state in {State.WAITING, State.ACTIVE},
        "customer": "Anna",
        "reason": "Rule asked_for_person: the customer asked for a person.",
        "evidence": "a human please",
        "summary": "Wants a refund.",
        "urgency": "normal",
        "owner": None,
        "requested_at": NOW,
        "changed_at": NOW,
        "facts": (("Language", "en"),),
        "tried": ("It takes **3 to 5** days.",),
        "verbs": (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    }
    return Card(**{**values, **changes})


def line(text: str, role: Role = Role.CUSTOMER, name: str = "Anna") -> Post:
    """Return a line of the conversation."""
    return Post(PostKind.MESSAGE, role, name, text)


EVERY_KIND = (
    line("the customer's words"),
    line("the assistant's words", Role.ASSISTANT, "Assistant"),
    Post(PostKind.NOTICE, text="a notice's words"),
    Post(PostKind.NOTICE, text="a loud notice's words", loud=True),
    Post(
        PostKind.TRANSCRIPT,
        entries=(Entry(Role.CUSTOMER, "Anna", NOW, "a transcript's words", ("photo.png",)),),
    ),
)


class DeskContract:
    """The suite."""

    def test_it_names_itself(self, under_test: DeskUnderTest) -> None:
        """It has a name, limits that make sense, and a pacer."""
        desk = under_test.desk
        assert desk.name
        assert desk.capabilities.max_text >= 1000
        assert desk.capabilities.can_find
        assert desk.pacer.ready(under_test.room)

    async def test_references_begin_with_its_name(self, under_test: DeskUnderTest) -> None:
        """Thread and post are told to be this desk's by their references alone."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        post = await desk.post(thread, line("hello"), (key(),))
        assert desk_of(thread) == desk_of(post) == desk.name

    @pytest.mark.parametrize("post", EVERY_KIND, ids=lambda post: f"{post.kind}-{post.loud}")
    async def test_every_kind_of_post_is_shown(self, under_test: DeskUnderTest, post: Post) -> None:
        """The words of messages, notices and transcripts stand in the thread."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        await desk.post(thread, post, (key(),))
        [shown] = under_test.shown(thread)
        said = post.text or post.entries[0].text
        assert said in shown

    async def test_posts_stand_in_order(self, under_test: DeskUnderTest) -> None:
        """What was posted first stands first."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        for number in range(5):
            await desk.post(thread, line(f"line {number}"), (key(),))
        assert [f"line {i}" in text for i, text in enumerate(under_test.shown(thread))] == [
            True
        ] * 5

    async def test_a_post_is_found_by_each_of_its_keys(self, under_test: DeskUnderTest) -> None:
        """Merged deliveries are all settled by one post, in its own thread only."""
        desk, room = under_test.desk, under_test.room
        thread = await desk.open_thread(room, card(), key())
        other = await desk.open_thread(room, card(), key())
        first, second = key(), key()
        post = await desk.post(thread, line("one\ntwo"), (first, second))
        for wanted in (first, second):
            assert await desk.find(room, thread, wanted, under_test.began) == post
            assert await desk.find(room, other, wanted, under_test.began) is None
        assert await desk.find(room, thread, key(), under_test.began) is None

    async def test_a_root_is_found_in_its_room(self, under_test: DeskUnderTest) -> None:
        """Without a thread the roots are searched, and only those."""
        desk, room = under_test.desk, under_test.room
        root, reply = key(), key()
        thread = await desk.open_thread(room, card(), root)
        await desk.post(thread, line("hello"), (reply,))
        assert await desk.find(room, None, root, under_test.began) == thread
        assert await desk.find(room, None, reply, under_test.began) is None

    async def test_the_newest_of_many_is_found(self, under_test: DeskUnderTest) -> None:
        """A long thread is searched to its end."""
        desk, room = under_test.desk, under_test.room
        thread = await desk.open_thread(room, card(), key())
        for number in range(40):
            await desk.post(thread, line(str(number)), (key(),))
        last = key()
        post = await desk.post(thread, line("last"), (last,))
        assert await desk.find(room, thread, last, under_test.began) == post

    @pytest.mark.parametrize("after", [False, True])
    async def test_what_is_uncertain_can_be_told(
        self, under_test: DeskUnderTest, *, after: bool
    ) -> None:
        """An uncertain post is found when it is there and not found when it is not; it was sent
        at most once.
        """
        desk, room = under_test.desk, under_test.room
        thread = await desk.open_thread(room, card(), key())
        wanted = key()
        under_test.fail_next(Uncertain, after=after)
        with pytest.raises(Uncertain):
            await desk.post(thread, line("perhaps"), (wanted,))
        found = await desk.find(room, thread, wanted, under_test.began)
        assert (found is not None) is after
        assert len(under_test.shown(thread)) == int(after)

    @pytest.mark.parametrize("after", [False, True])
    async def test_an_uncertain_root_can_be_told(
        self, under_test: DeskUnderTest, *, after: bool
    ) -> None:
        """The same for the thread itself: never a second one by itself."""
        desk, room = under_test.desk, under_test.room
        wanted = key()
        before = under_test.roots()
        under_test.fail_next(Uncertain, after=after)
        with pytest.raises(Uncertain):
            await desk.open_thread(room, card(), wanted)
        found = await desk.find(room, None, wanted, under_test.began)
        assert (found is not None) is after
        assert under_test.roots() == before + int(after)

    @pytest.mark.parametrize("end", [TryAgain, Refused])
    async def test_a_sure_failure_shows_nothing(
        self, under_test: DeskUnderTest, end: type[DeliveryError]
    ) -> None:
        """After `TryAgain` or `Refused` nothing stands there, and the next call goes through."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        under_test.fail_next(end, after=False)
        with pytest.raises(end):
            await desk.post(thread, line("no"), (key(),))
        assert under_test.shown(thread) == []

    async def test_words_can_be_changed_and_repeating_is_harmless(
        self, under_test: DeskUnderTest
    ) -> None:
        """New words replace the old ones, once or twice."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        post = await desk.post(thread, line("before"), (key(),))
        for _ in range(2):
            await desk.amend(post, Amendment(text="after"))
        [shown] = under_test.shown(thread)
        assert "after" in shown
        assert "before" not in shown

    async def test_words_can_be_taken_away(self, under_test: DeskUnderTest) -> None:
        """A deletion leaves none of the words, once or twice."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        post = await desk.post(thread, line("a secret"), (key(),))
        for _ in range(2):
            await desk.amend(post, Amendment())
        assert "a secret" not in "".join(under_test.shown(thread))

    async def test_the_card_can_be_refreshed_again_and_again(
        self, under_test: DeskUnderTest
    ) -> None:
        """Every state can be shown, twice, without another post."""
        desk = under_test.desk
        thread = await desk.open_thread(under_test.room, card(), key())
        for state in State:
            for _ in range(2):
                await desk.refresh(thread, card(state, owner="Ann"))
        assert under_test.shown(thread) == []
        assert under_test.roots() == 1

    async def test_a_lost_thread_says_so(self, under_test: DeskUnderTest) -> None:
        """Once people deleted the thread, a post and a refresh are refused as such, and nothing
        is found there.
        """
        desk, room = under_test.desk, under_test.room
        thread = await desk.open_thread(room, card(), key())
        await under_test.lose(thread)
        with pytest.raises(Refused) as refused:
            await desk.post(thread, line("hello?"), (key(),))
        assert refused.value.lost_thread
        with pytest.raises(Refused):
            await desk.refresh(thread, card())
        assert await desk.find(room, thread, key(), under_test.began) is None

    @pytest.mark.parametrize("ref", ["", "elsewhere:A:B:1.2", "{name}:", "{name}:nonsense"])
    async def test_a_foreign_reference_is_refused(
        self, under_test: DeskUnderTest, ref: str
    ) -> None:
        """What this desk did not make it does not read."""
        desk = under_test.desk
        foreign = ref.format(name=desk.name)
        with pytest.raises(Refused):
            await desk.post(ThreadRef(foreign), line("hello"), (key(),))
        with pytest.raises(Refused):
            await desk.amend(PostRef(foreign), Amendment(text="x"))

    async def test_turns_are_handed_out(self, under_test: DeskUnderTest) -> None:
        """Every kind of turn is granted, and to each who asks for it."""
        asked = [*Turn] * 2
        granted: list[Turn] = []

        async def take(turn: Turn) -> None:
            await under_test.desk.pacer.turn(under_test.room, turn)
            granted.append(turn)

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(take(turn) for turn in asked))
        assert sorted(granted) == sorted(asked)


class MarkingDeskContract(DeskContract):
    """The suite, for a desk that can mark posts."""

    async def test_one_mark_stands_at_a_time(self, under_test: DeskUnderTest) -> None:
        """Each mark replaces the one before; repeating is harmless."""
        desk = under_test.desk
        assert desk.capabilities.can_mark
        thread = await desk.open_thread(under_test.room, card(), key())
        post = await desk.post(thread, line("hello"), (key(),))
        marks = []
        for mark in (Mark.SHOWN, Mark.SHOWN, Mark.READ):
            await desk.amend(post, Amendment(mark=mark))
            marks.append(under_test.mark_on(post))
        assert marks[0] == marks[1] != marks[2]
        assert None not in marks
