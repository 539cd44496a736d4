"""What every store keeps to, whatever database it stands on.

The suite is a class of tests over a fixture `store`; `tests/test_stores.py` gives it databases.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from bridge.domain.conversation import RECENT, Customer
from bridge.domain.delivery import (
    Leg,
    OpenThread,
    Payload,
    PostNotice,
    Progress,
    Receipt,
)
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Timer
from bridge.domain.handoff import State
from bridge.domain.ids import (
    ConversationId,
    DeliveryId,
    FileId,
    HandoffId,
    MessageId,
    PostRef,
    ThreadRef,
)
from bridge.domain.messages import Author, Note
from bridge.domain.shards import SHARDS, shard_of, shard_of_conversation
from bridge.ports.store import (
    Cancellation,
    Moved,
    Record,
    Settlement,
    ShardLost,
    TakenFact,
    TimerSetting,
    Unstorable,
    Wanted,
    Write,
)
from storage.store import SqlStore
from tests.storage.things import (
    ADA,
    FILE,
    NOW,
    PAYLOADS,
    changed,
    conversation,
    delivery,
    fact,
    first,
    full_conversation,
    handoff,
    later,
    message,
)

ALL_SHARDS = range(SHARDS)

TEXTS = (
    "",
    " ",
    "naïve 你好 أين 👩‍👩‍👧 e\u0301",
    "tab\tline\nreturn\rfeed\x0c\x01\x7f",
    "'; DROP TABLE message; --",
    "$1 ? :name %s {0} \\x00 \\u0000",
    "\u202egpj.exe\u200b\ufeff\uffff\U0010ffff",
    "x" * 100_000,
)

UNSTORABLE: dict[str, Callable[[Write], None]] = {
    "NUL in a message": lambda write: write.messages.append(_said("a\0b")),
    "half a surrogate pair in a message": lambda write: write.messages.append(_said("\ud800")),
    "NUL in a name": lambda write: write.messages.append(_said("a", author=Author("\0"))),
    "half a pair in JSON": lambda write: write.deliveries.append(
        delivery(conversation(), 1, payload=PostNotice("\udfff"))
    ),
    "a seq beyond 64 bits": lambda write: write.messages.append(_said("a", seq=2**70)),
    "a key without end": lambda write: write.facts.append(fact(conversation(), "k" * 4000)),
    "NUL in a key": lambda write: write.facts.append(fact(conversation(), "k\0")),
    "not a number": lambda write: write.records.append(
        Record(conversation().id, NOW, "rating", {"score": float("nan")})
    ),
    "what JSON does not have": lambda write: write.records.append(
        Record(conversation().id, NOW, "rating", {"score": object()})
    ),
}


def _said(text: str, **changes: Any) -> Any:
    return message(conversation(), changes.pop("seq", 1), text=text, **changes)


async def loaded(store: SqlStore, conversation_id: ConversationId) -> Any:
    """Return a conversation as stored, or None."""
    found = await store.load(Wanted(conversations=frozenset({conversation_id})))
    return found.conversations.get(conversation_id)


class StoreContract:
    """The suite."""

    async def test_an_empty_store_finds_nothing(self, store: SqlStore) -> None:
        """What was never stored is absent, not an error."""
        found = await store.load(
            Wanted(
                frozenset({ConversationId("cnv_0")}),
                frozenset({ThreadRef("slack:C1:1")}),
                frozenset({HandoffId("hnd_0")}),
                frozenset({PostRef("slack:C1:2")}),
                frozenset({"key"}),
            )
        )
        assert not any(
            (found.conversations, found.threads, found.handoffs, found.posts, found.facts)
        )
        assert await store.messages(ConversationId("cnv_0"), 0, 10) == ((), False)
        assert await store.history(ConversationId("cnv_0"), 1, 10) == ()
        assert await store.deliveries(None) == ()
        assert await store.delivery(DeliveryId("dlv_0")) is None
        assert await store.dead() == ()
        assert await store.queue(10) == ()
        assert await store.records(None, None, 10) == ()
        assert await store.next_timer() is None
        assert await store.due_timers(NOW, ALL_SHARDS) == ()

    async def test_a_conversation_comes_back_as_it_was(self, store: SqlStore) -> None:
        """Every field of a conversation and of its latest handoff survives."""
        whole = full_conversation()
        assert whole.handoff is not None
        await store.commit(first(whole, handoffs=[whole.handoff]))
        assert await loaded(store, whole.id) == whole

    async def test_a_conversation_is_found_by_thread_and_by_handoff(self, store: SqlStore) -> None:
        """A desk knows only its thread or its handoff."""
        whole = full_conversation()
        assert whole.handoff is not None
        thread = ThreadRef("slack:C1:1.0")
        await store.commit(first(whole, handoffs=[whole.handoff], threads=[(thread, whole.id)]))
        by_thread = await store.load(Wanted(threads=frozenset({thread})))
        by_handoff = await store.load(Wanted(handoffs=frozenset({whole.handoff.id})))
        assert by_thread.threads == {thread: whole.id}
        assert by_handoff.handoffs == {whole.handoff.id: whole.id}
        assert by_thread.conversations == by_handoff.conversations == {whole.id: whole}

    async def test_a_thread_may_be_told_again(self, store: SqlStore) -> None:
        """A later handoff continues the same thread."""
        one = conversation()
        thread = ThreadRef("slack:C1:1.0")
        await store.commit(first(one, threads=[(thread, one.id)]))
        await store.commit(later(one, changed(one), threads=[(thread, one.id)]))
        found = await store.load(Wanted(threads=frozenset({thread})))
        assert found.threads == {thread: one.id}

    async def test_the_last_messages_come_with_a_conversation(self, store: SqlStore) -> None:
        """The last twenty, in order, with every field."""
        said = [message(conversation(), seq) for seq in range(1, RECENT + 6)]
        said[-1] = replace(
            said[-1],
            author=ADA,
            attachments=(FILE, FILE),
            edited_at=NOW,
            deleted=True,
            post=PostRef("slack:C1:7"),
        )
        one = conversation(seq=len(said))
        await store.commit(first(one, messages=said))
        assert (await loaded(store, one.id)).recent == tuple(said[-RECENT:])

    async def test_several_conversations_keep_their_own(self, store: SqlStore) -> None:
        """What is loaded together is not mixed."""
        write = Write()
        for name in ("1", "2", "3"):
            one = conversation(name, seq=2)
            write.conversations[one.id] = (None, one)
            write.messages += [message(one, 2), message(one, 1)]
        await store.commit(write)
        found = await store.load(Wanted(conversations=frozenset(write.conversations)))
        said = {c.id: [m.id for m in c.recent] for c in found.conversations.values()}
        assert said == {i: [f"msg_{i}_1", f"msg_{i}_2"] for i in write.conversations}

    async def test_a_moved_version_stores_nothing(self, store: SqlStore) -> None:
        """A decision on an old state is refused as a whole."""
        one = conversation()
        await store.commit(first(one))
        two = changed(one, seq=1)
        await store.commit(later(one, two, messages=[message(one, 1)]))
        late = later(one, changed(one), facts=[fact(one, "late")])
        other = conversation("other")
        late.conversations[other.id] = (None, other)
        with pytest.raises(Moved):
            await store.commit(late)
        assert (await loaded(store, one.id)).version == two.version
        assert await loaded(store, other.id) is None
        assert not (await store.load(Wanted(keys=frozenset({"late"})))).facts

    async def test_a_conversation_is_made_once(self, store: SqlStore) -> None:
        """Whoever makes it second has to look again."""
        await store.commit(first(conversation()))
        with pytest.raises(Moved):
            await store.commit(first(conversation(customer=Customer("Someone else"))))
        assert (await loaded(store, conversation().id)).customer == Customer()

    async def test_a_change_to_what_is_not_there_is_refused(self, store: SqlStore) -> None:
        """An update that meets no conversation, and rows that belong to none, store nothing."""
        one = conversation()
        with pytest.raises(Moved):
            await store.commit(later(one, changed(one)))
        with pytest.raises(Moved):
            await store.commit(Write(messages=[message(one, 1)]))

    async def test_a_fact_is_taken_once(self, store: SqlStore) -> None:
        """The second fact under a key stores nothing, and the first is remembered in full."""
        one = conversation()
        taken = TakenFact("slack:T1:C1:1.0", one.id, NOW, "msg_1", 4, "digest")
        await store.commit(first(one, facts=[taken]))
        with pytest.raises(Moved):
            await store.commit(later(one, changed(one), facts=[fact(one, taken.key)]))
        found = await store.load(Wanted(keys=frozenset({taken.key, "other"})))
        assert found.facts == {taken.key: taken}
        assert (await loaded(store, one.id)).version == one.version

    async def test_a_place_in_the_log_is_given_once(self, store: SqlStore) -> None:
        """Two messages never have one seq."""
        one = conversation(seq=1)
        await store.commit(first(one, messages=[message(one, 1)]))
        with pytest.raises(Moved):
            await store.commit(
                later(one, changed(one), messages=[message(one, 1, id=MessageId("msg_b"))])
            )

    async def test_one_writer_of_many_wins(self, store: SqlStore) -> None:
        """Of writers that decided on the same version exactly one is stored."""
        one = conversation()
        await store.commit(first(one))
        results = await asyncio.gather(
            *(store.commit(later(one, changed(one, shown=n))) for n in range(20)),
            return_exceptions=True,
        )
        assert results.count(None) == 1
        assert {type(result) for result in results} == {type(None), Moved}
        assert (await loaded(store, one.id)).shown == results.index(None)

    async def test_a_large_batch_is_stored_whole(self, store: SqlStore) -> None:
        """Hundreds of conversations go into one transaction."""
        many = [conversation(f"{n:03}", seq=1) for n in range(333)]
        await store.commit(
            Write(
                conversations={one.id: (None, one) for one in many},
                facts=[fact(one, f"key {one.id}") for one in many],
                messages=[message(one, 1) for one in many],
            )
        )
        found = await store.load(
            Wanted(
                conversations=frozenset(one.id for one in many),
                keys=frozenset(f"key {one.id}" for one in many),
            )
        )
        assert len(found.conversations) == len(found.facts) == len(many)
        assert all(len(one.recent) == 1 for one in found.conversations.values())
        pages = [await store.conversation_ids(limit=300)]
        pages.append(await store.conversation_ids(pages[0][-1], 300))
        assert [*pages[0], *pages[1]] == [one.id for one in many]

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    async def test_text_comes_back_letter_for_letter(self, store: SqlStore, text: str) -> None:
        """What was said is kept as it was said, wherever it stands."""
        one = conversation(seq=1, customer=Customer(name=text), memory={"said": text})
        await store.commit(
            first(
                one,
                messages=[message(one, 1, text=text, author=Author(text))],
                deliveries=[delivery(one, 1, payload=PostNotice(text), error=text)],
            )
        )
        found = await loaded(store, one.id)
        assert (found.customer.name, found.memory["said"]) == (text, text)
        assert (found.recent[0].text, found.recent[0].author.name) == (text, text)
        kept = await store.delivery(delivery(one, 1).id)
        assert kept is not None
        assert (kept.payload, kept.error) == (PostNotice(text), text)

    @pytest.mark.parametrize("spoil", UNSTORABLE.values(), ids=UNSTORABLE.keys())
    async def test_what_cannot_be_stored_is_refused_whole(
        self, store: SqlStore, spoil: Callable[[Write], None]
    ) -> None:
        """Bad values store nothing, are told apart from a store that is down, and harm nobody."""
        write = first(conversation(), facts=[fact(conversation(), "key")])
        spoil(write)
        with pytest.raises(Unstorable):
            await store.commit(write)
        assert await loaded(store, conversation().id) is None
        await store.commit(first(conversation(), facts=[fact(conversation(), "key")]))
        assert await loaded(store, conversation().id) is not None

    async def test_names_that_cannot_be_stored_are_not_found(self, store: SqlStore) -> None:
        """A look-up with an impossible name finds the others and does not fail."""
        one = conversation(seq=1)
        await store.commit(first(one, messages=[message(one, 1)], facts=[fact(one, "key")]))
        bad = ("a\0b", "\ud800", "x" * 5000)
        found = await store.load(
            Wanted(
                conversations=frozenset({one.id, *map(ConversationId, bad)}),
                keys=frozenset({"key", *bad}),
            )
        )
        assert list(found.conversations) == [one.id]
        assert list(found.facts) == ["key"]
        for name in bad:
            assert await store.messages(ConversationId(name), 0, 9) == ((), False)
            assert await store.history(ConversationId(name), 1, 9) == ()
            assert await store.delivery(DeliveryId(name)) is None
            assert await store.records(ConversationId(name), None, 9) == ()
        assert await store.messages(one.id, 2**70, 9) == ((), False)

    async def test_an_amended_message_has_a_new_cursor(self, store: SqlStore) -> None:
        """Who reads by cursor sees the change after what was said later."""
        one = conversation(seq=2, cursor=2)
        post = PostRef("slack:C1:5")
        said = [message(one, 1, post=post), message(one, 2)]
        await store.commit(first(one, messages=said))
        edited = replace(said[0], text="better", cursor=3, edited_at=NOW)
        two = changed(one, cursor=3)
        await store.commit(later(one, two, amended=[edited]))
        assert await store.messages(one.id, 0, 10) == ((said[1], edited), False)
        assert await store.messages(one.id, 2, 10) == ((edited,), False)
        assert await store.history(one.id, 1, 2) == (edited, said[1])
        assert (await store.load(Wanted(posts=frozenset({post})))).posts == {post: edited}

    async def test_a_message_may_be_amended_in_the_write_that_brings_it(
        self, store: SqlStore
    ) -> None:
        """One batch may take a reply and its edit; the edit is what is kept."""
        one = conversation(seq=1, cursor=2)
        said = message(one, 1)
        edited = replace(said, text="better", cursor=2, edited_at=NOW)
        await store.commit(first(one, messages=[said], amended=[edited]))
        assert await store.messages(one.id, 0, 10) == ((edited,), False)

    async def test_messages_are_read_in_pages(self, store: SqlStore) -> None:
        """A page says whether more wait; a span of history includes both ends."""
        one = conversation(seq=7)
        said = tuple(message(one, seq) for seq in range(1, 8))
        await store.commit(first(one, messages=list(said)))
        assert await store.messages(one.id, 0, 3) == (said[:3], True)
        assert await store.messages(one.id, 3, 4) == (said[3:], False)
        assert await store.messages(one.id, 7, 4) == ((), False)
        assert await store.history(one.id, 2, 4) == said[1:4]

    async def test_pages_follow_the_cursor_whatever_was_edited(self, store: SqlStore) -> None:
        """Edited before, between and twice: every page from anywhere is what it should be."""
        state = conversation(seq=4, cursor=4)
        log = {seq: message(state, seq) for seq in range(1, 5)}
        await store.commit(first(state, messages=list(log.values())))
        for seq in (2, 5, 2, 6, 1, 7, 6):
            cursor = state.cursor + 1
            after = changed(state, seq=max(seq, state.seq), cursor=cursor)
            if seq in log:
                log[seq] = replace(log[seq], text=f"{cursor}", cursor=cursor, edited_at=NOW)
                await store.commit(later(state, after, amended=[log[seq]]))
            else:
                log[seq] = replace(message(state, seq), cursor=cursor)
                await store.commit(later(state, after, messages=[log[seq]]))
            state = after
            ordered = sorted(log.values(), key=lambda said: said.cursor)
            for start, limit in product(range(cursor + 1), (1, 2, 20)):
                waiting = [said for said in ordered if said.cursor > start]
                page = tuple(waiting[:limit]), len(waiting) > limit
                assert await store.messages(state.id, start, limit) == page

    async def test_a_file_is_shown_while_its_message_stands(self, store: SqlStore) -> None:
        """Not before, not in another conversation, and not after the message was withdrawn."""
        before, other = conversation(seq=1, cursor=1), conversation("2")
        said = message(before, 1, attachments=(FILE,))
        await store.commit(first(before, messages=[said]))
        await store.commit(first(other))
        assert await store.shows_file(before.id, FILE.id)
        assert not await store.shows_file(before.id, FileId("f_%"))
        assert not await store.shows_file(other.id, FILE.id)
        gone = replace(said, cursor=2, deleted=True)
        await store.commit(later(before, changed(before, cursor=2), amended=[gone]))
        assert not await store.shows_file(before.id, FILE.id)

    async def test_notes_stay_among_teammates(self, store: SqlStore) -> None:
        """A note is in no read that leads to a customer."""
        one = conversation(seq=1)
        note = Note(MessageId("not_1"), one.id, ADA, "SECRET", NOW, PostRef("slack:C1:6"))
        await store.commit(first(one, messages=[message(one, 1)], notes=[note]))
        seen = [
            await loaded(store, one.id),
            await store.messages(one.id, 0, 10),
            await store.history(one.id, 0, 10),
            await store.load(Wanted(posts=frozenset({PostRef("slack:C1:6")}))),
        ]
        assert "SECRET" not in repr(seen)
        assert await store.notes(one.id) == (note,)

    @pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: type(p).__name__)
    async def test_every_payload_comes_back(self, store: SqlStore, payload: Payload) -> None:
        """A delivery is carried as it was decided, also by the next start."""
        one = conversation()
        sent = delivery(
            one,
            1,
            payload=payload,
            attempts=2,
            parts_done=1,
            due_at=NOW + 5,
            attempted_at=NOW + 4,
            error="try again",
        )
        await store.commit(first(one, deliveries=[sent]))
        assert await store.deliveries(ALL_SHARDS) == (sent,)
        assert await store.delivery(sent.id) == sent

    async def test_deliveries_are_found_by_shard_and_conversation(self, store: SqlStore) -> None:
        """None means all; nothing asked for is nothing found; the order is the lane's."""
        write, wanted = Write(), []
        for name in ("1", "2"):
            one = conversation(name)
            write.conversations[one.id] = (None, one)
            work = [delivery(one, n, room=f"C{name}") for n in (3, 1, 2)]
            write.deliveries += work
            wanted.append(tuple(sorted(work, key=lambda d: d.position)))
        await store.commit(write)
        ones, twos = wanted
        shard = shard_of(ones[0])
        assert shard != shard_of(twos[0])
        assert await store.deliveries(None) == (*ones, *twos)
        assert await store.deliveries([shard]) == ones
        assert await store.deliveries(None, [twos[0].conversation_id]) == twos
        assert await store.deliveries([shard], [twos[0].conversation_id]) == ()
        assert await store.deliveries([]) == ()
        assert await store.deliveries([], [ones[0].conversation_id]) == ()
        assert await store.deliveries(ALL_SHARDS, []) == ()

    async def test_what_is_settled_is_not_read_again(self, store: SqlStore) -> None:
        """Delivered, skipped and cancelled work is done; queued, sending and dead work is not."""
        one = conversation()
        work = {
            progress: delivery(one, n, payload=PAYLOADS[n % 2])
            for n, progress in enumerate(Progress)
        }
        await store.commit(first(one, deliveries=list(work.values())))
        moved = [d.moved(progress, attempts=1) for progress, d in work.items()]
        await store.commit(
            Write(settled=[Settlement(d, Receipt(posts=(PostRef("p"),))) for d in moved])
        )
        left = {d.progress: d for d in await store.deliveries(ALL_SHARDS)}
        assert set(left) == {Progress.QUEUED, Progress.SENDING, Progress.DEAD}
        assert left[Progress.SENDING] == work[Progress.SENDING].moved(Progress.SENDING, attempts=1)
        assert await store.dead() == (moved[3],)
        assert await store.delivery(moved[2].id) == moved[2]

    async def test_a_receipt_is_kept_with_its_delivery(self, store: SqlStore) -> None:
        """Where a post stands can be asked later; before it is delivered there is no receipt."""
        one = conversation()
        there = Receipt(posts=(PostRef("slack:T:C:1.2"),))
        sent, waiting = delivery(one, 1), delivery(one, 2)
        await store.commit(first(one, deliveries=[sent, waiting]))
        done = Settlement(sent.moved(Progress.DELIVERED), there)
        await store.commit(Write(settled=[done]))
        assert await store.settlement(sent.id) == done
        assert await store.settlement(waiting.id) == Settlement(waiting)
        assert await store.settlement(DeliveryId("dlv_none")) is None

    async def test_the_last_of_several_settlements_counts(self, store: SqlStore) -> None:
        """One batch may settle a delivery twice."""
        one, work = conversation(), delivery(conversation(), 1)
        await store.commit(first(one, deliveries=[work]))
        settled = [
            Settlement(work.moved(Progress.SENDING, attempts=1)),
            Settlement(work.moved(Progress.QUEUED, attempts=1, due_at=NOW)),
        ]
        await store.commit(Write(settled=settled))
        assert await store.deliveries(None) == (settled[1].delivery,)

    async def test_what_ended_is_not_brought_back(self, store: SqlStore) -> None:
        """A step that was decided before a delivery ended changes nothing any more."""
        one, work = conversation(), delivery(conversation(), 1)
        await store.commit(first(one, deliveries=[work]))
        await store.commit(Write(settled=[Settlement(work.moved(Progress.CANCELLED))]))
        await store.commit(Write(settled=[Settlement(work.moved(Progress.SENDING))]))
        assert await store.delivery(work.id) == work.moved(Progress.CANCELLED)

    async def test_only_one_of_a_lane_is_on_its_way(self, store: SqlStore) -> None:
        """The database itself refuses a second one, and lets other lanes be."""
        one = conversation()
        work = [delivery(one, n) for n in (1, 2)]
        card = delivery(one, 3, payload=PAYLOADS[5])
        await store.commit(first(one, deliveries=[*work, card]))
        sending = [Settlement(d.moved(Progress.SENDING)) for d in (work[0], card)]
        await store.commit(Write(settled=sending))
        with pytest.raises(Moved):
            await store.commit(Write(settled=[Settlement(work[1].moved(Progress.SENDING))]))
        with pytest.raises(Moved):
            await store.commit(Write(deliveries=[delivery(one, 4, progress=Progress.SENDING)]))

    async def test_a_lane_is_handed_on_in_one_write(self, store: SqlStore) -> None:
        """What ends makes room in the same transaction for what begins, old or new."""
        one = conversation()
        work = [delivery(one, n) for n in (1, 2, 3)]
        work[0] = work[0].moved(Progress.SENDING)
        await store.commit(first(one, deliveries=work[:2]))
        await store.commit(
            Write(
                settled=[
                    Settlement(work[1].moved(Progress.SENDING)),
                    Settlement(work[0].moved(Progress.DELIVERED)),
                ]
            )
        )
        await store.commit(
            Write(
                settled=[Settlement(work[1].moved(Progress.DELIVERED))],
                deliveries=[work[2].moved(Progress.SENDING)],
            )
        )
        assert await store.deliveries(None) == (work[2].moved(Progress.SENDING),)

    async def test_cancelling_takes_what_has_not_left(self, store: SqlStore) -> None:
        """Queued and dead words up to a position go; a dead thread and other legs stay."""
        one = conversation()
        work = [
            delivery(one, 1, progress=Progress.SENDING),
            delivery(one, 2, progress=Progress.DEAD),
            delivery(one, 3, payload=OpenThread(HandoffId("h")), progress=Progress.DEAD),
            delivery(one, 4),
            delivery(one, 5, payload=PostNotice("a notice")),
            delivery(one, 6),
        ]
        await store.commit(first(one, deliveries=work))
        new = delivery(one, 7)
        cancel = Cancellation(one.id, frozenset({Leg.DESK, Leg.MARK}), 5)
        await store.commit(Write(cancelled=[cancel], deliveries=[new]))
        left = (work[0], work[2], work[4], work[5], new)
        assert await store.deliveries(None) == left

    async def test_cancelling_leaves_what_ended_in_the_same_write(self, store: SqlStore) -> None:
        """What arrived has arrived, also when the rest of its lane is cancelled beside it."""
        one = conversation()
        sent, dead, waiting = (delivery(one, n) for n in (1, 2, 3))
        await store.commit(first(one, deliveries=[sent, dead, waiting]))
        ends = [
            Settlement(sent.moved(Progress.DELIVERED)),
            Settlement(dead.moved(Progress.DEAD, error="gone")),
        ]
        cancel = Cancellation(one.id, frozenset({Leg.DESK}), 3)
        await store.commit(Write(settled=ends, cancelled=[cancel]))
        left = [await store.delivery(d.id) for d in (sent, dead, waiting)]
        assert [d.progress for d in left if d is not None] == [
            Progress.DELIVERED,
            Progress.CANCELLED,
            Progress.CANCELLED,
        ]

    async def test_dead_deliveries_are_listed_by_age(self, store: SqlStore) -> None:
        """The operator sees the oldest first."""
        one = conversation()
        dead = [
            delivery(one, n, progress=Progress.DEAD, created_at=NOW - n, error="gone")
            for n in (1, 2, 3)
        ]
        await store.commit(first(one, deliveries=dead))
        assert await store.dead(2) == (dead[2], dead[1])

    async def test_timers_are_set_moved_and_cleared(self, store: SqlStore) -> None:
        """There is at most one timer of each kind."""
        one = conversation()
        came = TimerSetting(one.id, Timer.NOBODY_CAME, NOW + 10)
        spoke = TimerSetting(one.id, Timer.NOBODY_SPOKE, NOW + 5)
        await store.commit(first(one, timers=[came, spoke]))
        assert await store.next_timer() == NOW + 5
        assert await store.due_timers(NOW + 7, ALL_SHARDS) == (spoke,)
        assert await store.due_timers(NOW + 10, ALL_SHARDS) == (spoke, came)
        moved = replace(spoke, due_at=NOW + 60)
        cleared = replace(came, due_at=None)
        await store.commit(Write(timers=[moved, cleared]))
        assert await store.due_timers(NOW + 60, ALL_SHARDS) == (moved,)
        assert await store.next_timer() == NOW + 60

    async def test_timers_ring_with_their_shard(self, store: SqlStore) -> None:
        """Another instance's timers are not ours to ring."""
        one = conversation()
        timer = TimerSetting(one.id, Timer.NOBODY_CAME, NOW)
        await store.commit(first(one, timers=[timer]))
        shard = shard_of_conversation(one.id)
        assert await store.due_timers(NOW, [shard]) == (timer,)
        assert await store.due_timers(NOW, [s for s in ALL_SHARDS if s != shard]) == ()
        assert await store.due_timers(NOW, []) == ()

    async def test_the_queue_is_in_order_of_waiting(self, store: SqlStore) -> None:
        """Open handoffs with customer and thread, the longest waiting first; closed ones not."""
        write, wanted = Write(), []
        for n, state in enumerate((State.WAITING, State.ACTIVE, State.RESOLVED)):
            one = conversation(str(n), customer=Customer(f"Kim {n}"), thread=ThreadRef(f"t{n}"))
            passage = handoff(
                one,
                state=state,
                requested_at=NOW - n,
                closed_at=NOW if state is State.RESOLVED else None,
            )
            one = replace(one, handoff=passage)
            write.conversations[one.id] = (None, one)
            write.handoffs.append(passage)
            wanted.append((passage, f"Kim {n}", f"t{n}"))
        await store.commit(write)
        found = [(w.handoff, w.customer, w.thread) for w in await store.queue(10)]
        assert found == [wanted[1], wanted[0]]
        assert len(await store.queue(1)) == 1

    async def test_those_ahead_are_counted(self, store: SqlStore) -> None:
        """Ahead are those of the same room who wait for longer; nobody's who talk or are done."""
        others: tuple[dict[str, Any], ...] = (
            {},
            {"state": State.ACTIVE},
            {"state": State.RESOLVED, "closed_at": NOW},
            {"room": "C2"},
            {"desk": "teams"},
            {"requested_at": NOW + 1},
        )
        write = Write()
        for n, changes in enumerate(({"requested_at": NOW}, *others)):
            one = conversation(str(n))
            passage = handoff(one, **{"requested_at": NOW - n, **changes})
            write.conversations[one.id] = (None, replace(one, handoff=passage))
            write.handoffs.append(passage)
        await store.commit(write)
        assert await store.ahead(write.handoffs[0]) == 1
        assert await store.ahead(write.handoffs[1]) == 0

    async def test_a_handoff_is_replaced_by_its_next_state(self, store: SqlStore) -> None:
        """A handoff is stored under its id, however often it changes."""
        one = conversation()
        old, new = handoff(one, 1), handoff(one, 2)
        one = replace(one, handoff=old)
        await store.commit(first(one, handoffs=[old]))
        closed = replace(old, state=State.RESOLVED, closed_at=NOW + 9, owner=ADA)
        two = changed(one, handoff=new)
        await store.commit(later(one, two, handoffs=[closed, new]))
        assert await loaded(store, one.id) == two
        assert await store.handoffs(one.id) == (closed, new)

    async def test_records_are_newest_first(self, store: SqlStore) -> None:
        """By conversation, by kind, by both or by none."""
        one, two = conversation("1"), conversation("2")
        kept = [
            Record(one.id, NOW, "rating", {"score": 5}),
            Record(one.id, NOW, "decision", {"rule": "words", "why": ["a", None]}),
            Record(two.id, NOW - 5, "rating", {}),
        ]
        await store.commit(Write(records=kept))
        newest = tuple(reversed(kept))
        assert tuple(await store.records(None, None, 10)) == newest
        assert tuple(await store.records(None, None, 2)) == newest[:2]
        assert tuple(await store.records(one.id, None, 10)) == newest[1:]
        assert tuple(await store.records(None, "rating", 10)) == (kept[2], kept[0])
        assert tuple(await store.records(one.id, "rating", 10)) == (kept[0],)

    async def test_what_is_erased_is_gone(self, store: SqlStore) -> None:
        """Everything of a conversation goes; its neighbour and the keys of its facts stay."""
        write = Write()
        for name in ("1", "2"):
            one = conversation(name, seq=1, thread=ThreadRef(f"t{name}"))
            passage = handoff(one)
            write.conversations[one.id] = (None, replace(one, handoff=passage))
            write.handoffs.append(passage)
            write.threads.append((ThreadRef(f"t{name}"), one.id))
            write.facts.append(fact(one, f"key {name}", ref="msg_1", digest="d"))
            write.messages.append(message(one, 1))
            write.notes.append(Note(MessageId(f"not_{name}"), one.id, ADA, "note", NOW))
            write.deliveries.append(delivery(one, 1))
            write.timers.append(TimerSetting(one.id, Timer.NOBODY_CAME, NOW))
            write.records.append(Record(one.id, NOW, "rating", {"score": 5}))
        await store.commit(write)
        erased, left = write.conversations
        await store.erase(erased)
        await store.erase(erased)
        assert await store.conversation_ids() == (left,)
        assert await store.history(erased, 0, 9) == ()
        assert await store.notes(erased) == ()
        assert await store.handoffs(erased) == ()
        assert await store.records(erased, None, 9) == ()
        assert {d.conversation_id for d in await store.deliveries(None)} == {left}
        assert {t.conversation_id for t in await store.due_timers(NOW, ALL_SHARDS)} == {left}
        assert not (await store.load(Wanted(threads=frozenset({ThreadRef("t1")})))).threads
        found = (await store.load(Wanted(keys=frozenset({"key 1", "key 2"})))).facts
        assert found["key 1"] == fact(conversation("1"), "key 1")
        assert found["key 2"].digest == "d"

    async def test_an_only_instance_owns_every_shard(self, store: SqlStore) -> None:
        """Alone it carries everything, under epochs that do not change while it does."""
        owned = (await store.tenure()).owned
        assert set(owned) == set(ALL_SHARDS)
        assert (await store.tenure()).owned == owned

    async def test_a_fence_of_today_lets_a_write_pass(self, store: SqlStore) -> None:
        """The owner of a shard settles its deliveries."""
        owned = (await store.tenure()).owned
        one, work = conversation(), delivery(conversation(), 1)
        shard = shard_of(work)
        await store.commit(first(one, deliveries=[work], fences={shard: owned[shard]}))
        assert await store.deliveries([shard]) == (work,)

    async def test_a_fence_of_yesterday_stops_a_write(self, store: SqlStore) -> None:
        """Whoever lost a shard stores nothing about it, and is told which."""
        owned = (await store.tenure()).owned
        fences = {3: owned[3], 4: owned[4] - 1, 5: owned[5] + 1}
        with pytest.raises(ShardLost) as refused:
            await store.commit(first(conversation(), fences=fences))
        assert refused.value.shards == {4, 5}
        assert await loaded(store, conversation().id) is None

    async def test_a_write_of_nothing_is_no_trouble(self, store: SqlStore) -> None:
        """An empty batch changes nothing, and what comes after it is stored."""
        one = conversation()
        await store.commit(first(one))
        await store.commit(Write())
        assert await loaded(store, one.id) == one
        two = changed(one)
        await store.commit(later(one, two))
        assert await loaded(store, one.id) == two

    async def test_a_closed_store_says_so(self, store: SqlStore) -> None:
        """After its end a store takes nothing and reads nothing."""
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.commit(first(conversation()))
        with pytest.raises(StoreUnavailable):
            await store.next_timer()

    async def test_reads_go_on_beside_writes(self, store: SqlStore) -> None:
        """Reads and writes side by side: every read sees a whole commit."""
        one = conversation()
        await store.commit(first(one))

        async def write() -> None:
            state = one
            for seq in range(1, 30):
                after = changed(state, seq=seq, cursor=seq)
                await store.commit(later(state, after, messages=[message(one, seq)]))
                state = after

        async def read() -> None:
            while (found := await loaded(store, one.id)).seq < 29:
                assert [m.seq for m in found.recent] == list(
                    range(max(found.seq - RECENT, 0) + 1, found.seq + 1)
                )

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            tasks.create_task(write())
