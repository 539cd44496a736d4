"""The main job, both ways, and what must hold when something goes wrong on the way."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.delivery import Answer
from bridge.domain.errors import Refused, TryAgain, Uncertain
from bridge.domain.facts import (
    AssistantWanted,
    CustomerSaw,
    CustomerWrote,
    Declined,
    Duplicate,
    FileFailed,
    PersonAsked,
    Taken,
    TeammateAmended,
    Verb,
    Verdict,
)
from bridge.domain.handoff import Floor, State
from bridge.domain.ids import ConversationId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Attachment, Author, Message, Role
from bridge.domain.posts import Mark, PostKind
from bridge.domain.rules import Place
from tests.world import ANN, BOB, World


async def test_the_assistant_answers_until_a_person_is_asked_for(world: World) -> None:
    """Before an escalation the assistant answers and the desk hears nothing."""
    customer = await world.arrives()
    await world.says(customer, "where is my parcel?")
    await world.settle()

    said = [(m.role, m.text) for m in await world.messages(customer)]
    assert said == [
        (Role.CUSTOMER, "where is my parcel?"),
        (Role.ASSISTANT, "echo: where is my parcel?"),
    ]
    assert world.desk.posts == []


async def test_an_escalation_opens_one_thread_with_the_whole_history_under_it(
    world: World,
) -> None:
    """The root is the case card, directly under it stands everything said so far."""
    customer = await world.escalated()

    root, page = world.desk.posts[0], world.desk.posts[1]
    assert root.card is not None
    assert root.card.customer == "Mia"
    assert page.post is not None
    assert page.post.kind is PostKind.TRANSCRIPT
    assert [e.text for e in page.post.entries] == ["hello", "echo: hello"]
    assert (await world.conversation(customer)).floor is Floor.WAITING


async def with_files(world: World) -> ConversationId:
    """Return a conversation in which two files were sent to the assistant."""
    customer = await world.arrives()
    for name in ("bill.pdf", "photo.png"):
        file = Attachment(FileId(f"f_{name}"), name, "image/png", 5)
        await world.report(
            CustomerWrote(
                key=name,
                at=world.clock.now(),
                conversation_id=customer,
                text=f"see {name}",
                attachments=(file,),
            )
        )
        await world.settle()
    return customer


def files_shown(world: World) -> list[tuple[str, str]]:
    """Return who sent which file, in the order the files stand at the desk."""
    posts = [kept.post for kept in world.desk.posts if kept.post and kept.post.file]
    return [(post.name, post.file.name) for post in posts if post.file]


async def test_files_sent_to_the_assistant_stand_under_the_history(world: World) -> None:
    """The pages name them, and they follow, before anything that was written later."""
    customer = await with_files(world)
    await world.asks_for_person(customer)
    await world.says(customer, "are you there?")
    await world.settle()

    posts = [kept.post for kept in world.desk.posts if kept.post]
    said = [post for post in posts if post.kind is not PostKind.NOTICE]
    assert [(post.kind, post.file.name if post.file else post.text) for post in said] == [
        (PostKind.TRANSCRIPT, ""),
        (PostKind.MESSAGE, "bill.pdf"),
        (PostKind.MESSAGE, "photo.png"),
        (PostKind.MESSAGE, "are you there?"),
    ]
    assert files_shown(world) == [("Mia", "bill.pdf"), ("Mia", "photo.png")]


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("number", [2, 3])
async def test_a_file_of_the_history_in_doubt_stands_there_once(
    world: World, number: int, *, arrived: bool
) -> None:
    """Each is looked for under a key of its own, and what follows waits for it."""
    customer = await with_files(world)
    failing = world.desk.after if arrived else world.desk.before
    failing += [None] * number + [Uncertain("no answer")]
    await world.asks_for_person(customer)
    await world.settle()
    await world.pass_time(30)

    assert files_shown(world) == [("Mia", "bill.pdf"), ("Mia", "photo.png")]
    keys = [key for kept in world.desk.posts for key in kept.keys]
    assert len(keys) == len(set(keys))


async def test_a_teammates_file_is_not_sent_back_to_the_desk(world: World) -> None:
    """A later handoff shows what was said in between; the desk has its own files already."""
    customer = await with_files(world)
    await world.asks_for_person(customer)
    await world.settle()
    offer = Attachment(FileId("f_offer"), "offer.pdf", "application/pdf", 5)
    await world.replies(customer, "Done!", attachments=(offer,))
    await world.clicks(customer, Verb.RETURN)
    await world.asks_for_person(customer)
    await world.settle()

    assert files_shown(world) == [("Mia", "bill.pdf"), ("Mia", "photo.png")]


async def test_the_first_reply_claims_and_reaches_the_customer(world: World) -> None:
    """A reply in a waiting thread gives its author the floor; the customer reads it."""
    customer = await world.escalated()
    await world.replies(customer, "Hello Mia, I am looking into it.")
    await world.settle()

    conversation = await world.conversation(customer)
    assert conversation.floor is Floor.TEAMMATE
    assert conversation.handoff is not None
    assert conversation.handoff.state is State.ACTIVE
    last = (await world.messages(customer))[-1]
    assert (last.role, last.text) == (Role.TEAMMATE, "Hello Mia, I am looking into it.")


async def test_what_the_customer_writes_then_reaches_the_thread(world: World) -> None:
    """While people have the conversation, the assistant is not asked and the thread gets it all."""
    customer = await world.escalated()
    await world.replies(customer, "Hello")
    asked = len(world.assistant.asked)
    for line in ("one", "two", "three"):
        await world.says(customer, line)
    await world.settle()

    assert world.desk.words() == ["one", "two", "three"]
    assert len(world.assistant.asked) == asked


async def test_handing_back_lets_the_assistant_answer_again(world: World) -> None:
    """After a return the floor is the assistant's and the thread's card is closed."""
    customer = await world.escalated()
    await world.replies(customer, "Done!")
    assert isinstance(await world.clicks(customer, Verb.RETURN), Taken)
    await world.says(customer, "thanks, one more thing")
    await world.settle()

    assert (await world.messages(customer))[-1].text == "echo: thanks, one more thing"
    card = world.desk.roots[0].card
    assert card is not None
    assert not card.is_open


async def test_a_later_escalation_continues_the_same_thread(world: World) -> None:
    """A second handoff opens no second thread; what was said in between is added to it."""
    customer = await world.escalated()
    await world.replies(customer, "Done!")
    await world.clicks(customer, Verb.RETURN)
    await world.says(customer, "in between")
    await world.settle()
    await world.asks_for_person(customer)
    await world.settle()

    assert len(world.desk.roots) == 1
    pages = [k.post for k in world.desk.posts if k.post and k.post.kind is PostKind.TRANSCRIPT]
    assert [e.text for e in pages[-1].entries] == ["Done!", "in between", "echo: in between"]
    assert (await world.conversation(customer)).handoff.number == 2  # type: ignore[union-attr]


async def test_an_escalation_before_any_message_is_valid(world: World) -> None:
    """A person can be asked for as the very first thing."""
    customer = await world.arrives()
    await world.asks_for_person(customer)
    await world.settle()

    assert len(world.desk.roots) == 1
    assert (await world.conversation(customer)).floor is Floor.WAITING


@pytest.mark.parametrize("seconds", [0.0, 30.0])
async def test_a_later_escalation_stays_in_the_room_of_its_thread(
    world: World, seconds: float
) -> None:
    """Wherever it is wanted: it continues that thread, also when its root is still to come."""
    world.rules = replace(world.rules, places=(*world.rules.places, Place("memory", "billing")))
    customer = await world.arrives()
    await world.says(customer, "first")
    await world.settle()
    world.desk.before = [TryAgain("not now", seconds)]
    await world.asks_for_person(customer)
    await world.settle()
    await world.report(AssistantWanted(key="back", at=world.clock.now(), conversation_id=customer))
    now = world.clock.now()
    await world.report(
        PersonAsked(
            key="again",
            at=now,
            conversation_id=customer,
            source="api",
            desk="memory",
            room="billing",
        )
    )
    await world.says(customer, "second")
    await world.pass_time(90, step=5)

    handoff = (await world.conversation(customer)).handoff
    assert handoff is not None
    assert (handoff.number, handoff.room) == (2, "support")
    assert len(world.desk.roots) == 1
    assert world.desk.words() == ["second"]


def without_the_thread(world: World, *rooms: str) -> None:
    """Let the desk know nothing of the thread any more, nor of these rooms."""
    posts, opens = world.desk.post, world.desk.open_thread
    gone = {kept.ref for kept in world.desk.roots}

    async def post(thread: ThreadRef, *more: Any) -> PostRef:
        if thread in gone:
            raise Refused("no such thread", lost_thread=True)
        return await posts(thread, *more)

    async def open_thread(room: str, *more: Any) -> ThreadRef:
        if room in rooms:
            raise Refused("no such room")
        return await opens(room, *more)

    world.desk.post, world.desk.open_thread = post, open_thread  # type: ignore[assignment,method-assign]


async def test_who_comes_back_after_the_room_was_replaced_reaches_the_new_one(world: World) -> None:
    """The old room is gone, and the thread with it: a new one is opened where people are now."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.RESOLVE)
    await world.settle()
    without_the_thread(world, "support")
    world.rules = replace(world.rules, places=(Place("memory", "new"),))
    await world.asks_for_person(customer)
    await world.says(customer, "anybody there?")
    await world.pass_time(60, step=5)

    handoff = (await world.conversation(customer)).handoff
    assert handoff is not None
    assert handoff.is_open
    assert handoff.room == "new"
    assert len(world.desk.roots) == 2


async def test_a_line_that_loses_its_thread_after_the_end_comes_with_the_next_one(
    world: World,
) -> None:
    """Nobody is told of a dead line in a thread that is gone: the next handoff opens another."""
    customer = await world.escalated()
    world.desk.before = [TryAgain("busy", 5.0)]
    await world.says(customer, "late line")
    await world.settle()
    await world.clicks(customer, Verb.RESOLVE)
    await world.settle()
    without_the_thread(world)
    await world.pass_time(30, step=5)
    await world.asks_for_person(customer)
    await world.says(customer, "anybody?")
    await world.pass_time(60, step=5)

    assert len(world.desk.roots) == 2
    assert "anybody?" in world.desk.words()
    pages = [k.post for k in world.desk.posts if k.post and k.post.kind is PostKind.TRANSCRIPT]
    assert "late line" in [entry.text for entry in pages[-1].entries]


async def test_asking_again_changes_nothing(world: World) -> None:
    """An open handoff answers a second request with itself."""
    customer = await world.escalated()
    posts = len(world.desk.posts)
    verdict = await world.asks_for_person(customer)
    await world.settle()

    handoff = (await world.conversation(customer)).handoff
    assert handoff is not None
    assert verdict == Taken(handoff.id, (await world.conversation(customer)).seq, "waiting", 1)
    assert len(world.desk.posts) == posts


async def test_a_fact_is_taken_once(world: World) -> None:
    """The same client id again adds nothing and is told where the first one went."""
    customer = await world.arrives()
    first = await world.says(customer, "hello", "one")
    await world.settle()
    again = await world.says(customer, "hello", "one")

    assert isinstance(first, Taken)
    assert again == Duplicate(first.ref, first.seq)
    assert [m.text for m in await world.messages(customer)] == ["hello", "echo: hello"]


async def test_copies_that_come_together_are_one(world: World) -> None:
    """Two copies in one batch, and one in the next, make one message."""
    customer = await world.arrives()
    verdicts = await asyncio.gather(*(world.says(customer, "hello", "one") for _ in range(5)))
    await world.settle()

    assert [type(v) for v in verdicts].count(Taken) == 1
    assert [m.text for m in await world.messages(customer) if m.role is Role.CUSTOMER] == ["hello"]


async def test_order_is_kept_through_retries(world: World) -> None:
    """While the first line is tried again, the ones behind it wait."""
    customer = await world.escalated()
    await world.settle()
    world.desk.before = [TryAgain("busy", 2.0), TryAgain("busy"), None]
    for number in range(20):
        await world.says(customer, f"line {number}")
    await world.pass_time(20)

    assert world.desk.words() == [f"line {number}" for number in range(20)]


async def test_an_uncertain_post_is_looked_up_and_not_sent_twice(world: World) -> None:
    """The reply to a post was lost; the post is found by its key."""
    customer = await world.escalated()
    world.desk.after = [Uncertain("reply lost")]
    await world.says(customer, "only once")
    await world.says(customer, "and then this")
    await world.pass_time(10)

    assert world.desk.words() == ["only once", "and then this"]
    assert "find" in world.desk.calls


async def test_an_uncertain_post_that_never_arrived_is_sent_again(world: World) -> None:
    """After the settle time its absence is believed."""
    customer = await world.escalated()
    world.desk.before = [Uncertain("reset before anything")]
    await world.says(customer, "finally")
    await world.pass_time(5)
    assert world.desk.words() == []
    await world.pass_time(10)

    assert world.desk.words() == ["finally"]


async def test_an_uncertain_thread_root_never_becomes_two_threads(world: World) -> None:
    """The root is settled like any post, and what waits behind it goes under it."""
    world.desk.after = [Uncertain("reply lost")]
    customer = await world.escalated()
    await world.says(customer, "are you there?")
    await world.pass_time(20)

    assert len(world.desk.roots) == 1
    assert world.desk.words() == ["are you there?"]


async def test_a_crash_between_send_and_record_is_repaired(world: World) -> None:
    """The post stands at the desk but was never recorded: after the restart it is found."""
    customer = await world.escalated()
    hang = asyncio.Event()

    async def post_and_hang(*given: object) -> PostRef:
        await original(*given)  # type: ignore[arg-type]
        await hang.wait()
        raise AssertionError

    original = world.desk.post
    world.desk.post = post_and_hang  # type: ignore[method-assign,assignment]
    await world.says(customer, "only once")
    await world.settle()
    world.desk.post = original  # type: ignore[method-assign]
    await world.restart()
    await world.says(customer, "and then this")
    await world.pass_time(20)

    assert world.desk.words() == ["only once", "and then this"]


async def test_a_dead_line_is_told_in_the_thread_and_parks_what_follows(world: World) -> None:
    """Nothing overtakes a line that was given up on; people are told."""
    customer = await world.escalated()
    world.desk.before = [Refused("message too odd")]
    await world.says(customer, "never arrives")
    await world.settle()
    await world.says(customer, "waits")
    await world.settle()

    assert world.desk.words() == []
    assert any("message too odd" in notice for notice in world.desk.notices())
    dead = await world.relay.store.dead()
    assert [d.error for d in dead] == ["message too odd"]


async def test_the_operator_retries_a_dead_line_and_order_is_kept(world: World) -> None:
    """After a retry the parked lane goes on in order."""
    customer = await world.escalated()
    world.desk.before = [Refused("no")]
    await world.says(customer, "first")
    await world.settle()
    await world.says(customer, "second")
    dead = await world.relay.store.dead()
    assert await world.relay.reviver.retry(dead[0].id)
    await world.settle()

    assert world.desk.words() == ["first", "second"]
    assert await world.relay.store.dead() == ()


async def test_the_operator_skips_a_dead_line_and_the_rest_goes_on(world: World) -> None:
    """A skipped delivery is gone for good; the lane goes on, also after a restart."""
    customer = await world.escalated()
    world.desk.before = [Refused("no")]
    await world.says(customer, "first")
    await world.settle()
    await world.says(customer, "second")
    await world.restart()
    await world.settle()
    assert world.desk.words() == []
    dead = await world.relay.store.dead()
    assert await world.relay.reviver.skip(dead[0].id)
    await world.settle()

    assert world.desk.words() == ["second"]


@pytest.mark.fault("F74")
async def test_a_late_answer_of_the_assistant_is_dropped(world: World) -> None:
    """Asked before the hand-over, answered after it: nobody sees it."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "hello")
    await world.settle()
    await world.asks_for_person(customer)
    await world.settle()
    world.assistant.gate.set()
    await world.settle()

    assert Role.ASSISTANT not in {m.role for m in await world.messages(customer)}


@pytest.mark.fault("F74")
async def test_an_answer_asked_before_and_given_after_a_hand_back_is_dropped_too(
    world: World,
) -> None:
    """The epoch tells an old floor from the new one though both are the assistant's."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "hello")
    await world.settle()
    await world.asks_for_person(customer)
    await world.settle()
    await world.replies(customer, "I am here")
    await world.clicks(customer, Verb.RETURN)
    world.assistant.gate.set()
    await world.settle()

    assert Role.ASSISTANT not in {m.role for m in await world.messages(customer)}


async def test_a_note_never_reaches_the_customer(world: World) -> None:
    """Words for the team are stored and go nowhere."""
    customer = await world.escalated()
    await world.replies(customer, "the customer is angry", note=True)
    await world.settle()

    assert "angry" not in str(await world.messages(customer))


async def test_an_edit_and_a_deletion_follow_the_reply(world: World) -> None:
    """What the teammate changes, the customer sees changed, with a growing cursor."""
    customer = await world.escalated()
    post = PostRef("memory:p1")
    await world.replies(customer, "Your order 7 is lost", post=post)
    thread = (await world.conversation(customer)).thread or ThreadRef("")
    world.clock.advance(1)
    await world.report(
        TeammateAmended(
            key="edit1", at=world.clock.now(), thread=thread, post=post, text="Your order 8 is lost"
        )
    )
    edited = (await world.messages(customer))[-1]
    assert (edited.text, edited.edited_at) == ("Your order 8 is lost", world.clock.now())
    await world.report(
        TeammateAmended(key="gone", at=world.clock.now(), thread=thread, post=post, text=None)
    )
    gone = (await world.messages(customer))[-1]
    assert (gone.deleted, gone.text) == (True, "")
    assert gone.cursor > edited.cursor


@pytest.mark.fault("F06", "F86")
async def test_an_edit_that_overtakes_its_reply_is_applied_when_the_reply_comes(
    world: World,
) -> None:
    """Events come in any order; the customer sees the last state."""
    customer = await world.escalated()
    thread = (await world.conversation(customer)).thread or ThreadRef("")
    for key, post, text in (("e", "memory:p1", "right"), ("d", "memory:p2", None)):
        await world.report(
            TeammateAmended(
                key=key, at=world.clock.now(), thread=thread, post=PostRef(post), text=text
            )
        )
    await world.replies(customer, "wrong", post=PostRef("memory:p1"))
    await world.replies(customer, "secret", post=PostRef("memory:p2"))
    await world.settle()

    texts = [m.text for m in await world.messages(customer) if m.role is Role.TEAMMATE]
    assert texts == ["right"]


@pytest.mark.fault("F87")
async def test_an_edit_that_makes_a_reply_a_note_withdraws_it(world: World) -> None:
    """The customer keeps an empty place, the team keeps the note."""
    customer = await world.escalated()
    post = PostRef("memory:p1")
    await world.replies(customer, "they lie", post=post)
    thread = (await world.conversation(customer)).thread or ThreadRef("")
    await world.report(
        TeammateAmended(
            key="e", at=world.clock.now(), thread=thread, post=post, text="they lie", note=True
        )
    )
    assert (await world.messages(customer))[-1].deleted


async def test_a_stale_button_changes_nothing_and_says_why(world: World) -> None:
    """Resolving twice is declined with a reason."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.RESOLVE)
    again = await world.clicks(customer, Verb.RESOLVE, BOB)

    assert isinstance(again, Declined)
    assert "already closed" in again.why


async def test_a_button_of_an_earlier_handoff_says_so(world: World) -> None:
    """It tells where the newest one stands, and changes nothing about it."""
    customer = await world.escalated()
    first = (await world.conversation(customer)).handoff
    await world.clicks(customer, Verb.RESOLVE)
    await world.asks_for_person(customer)
    await world.settle()
    assert first is not None
    old = replace(world.act(Verb.CLAIM, BOB), handoff_id=first.id)
    waiting = await world.report(replace(old, key="old:1"))
    await world.clicks(customer, Verb.CLAIM)
    taken = await world.report(replace(old, key="old:2"))
    await world.clicks(customer, Verb.RETURN)
    over = await world.report(replace(old, key="old:3"))
    begin = "This belongs to an earlier handoff of this conversation; the newest "
    assert [isinstance(v, Declined) and v.why for v in (waiting, taken, over)] == [
        f"{begin}waits for somebody. Nothing was changed.",
        f"{begin}is with Ann. Nothing was changed.",
        f"{begin}is over (handed back). Nothing was changed.",
    ]
    strange = await world.report(
        replace(old, key="old:4", handoff_id=HandoffId("h_x"), conversation_id=customer)
    )
    assert isinstance(strange, Declined)
    assert "unknown" not in strange.why


def joined(messages: tuple[Message, ...]) -> list[str]:
    """Return who the customer was told had joined."""
    return [m.text.split(" ")[0] for m in messages if "has joined" in m.text]


async def test_a_takeover_is_seen_in_the_thread(world: World) -> None:
    """It says who took it from whom; the customer is told of each teammate once."""
    customer = await world.escalated()
    for author in (ANN, BOB, ANN):
        await world.clicks(customer, Verb.CLAIM, author)
        await world.settle()
    assert world.desk.notices() == [
        "Bob has taken this over from Ann.",
        "Ann has taken this over from Bob.",
    ]
    assert joined(await world.messages(customer)) == ["Ann", "Bob"]


async def test_who_comes_back_is_told_of_once_in_a_handoff(world: World) -> None:
    """Also when it was released, much was said between, or the bridge began anew."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.CLAIM)
    for number in range(25):
        await world.says(customer, f"line {number}")
    await world.clicks(customer, Verb.RELEASE)
    await world.settle()
    await world.restart()
    await world.clicks(customer, Verb.CLAIM)
    assert joined(await world.messages(customer)) == ["Ann"]
    await world.clicks(customer, Verb.RESOLVE)
    await world.asks_for_person(customer)
    await world.settle()
    await world.clicks(customer, Verb.CLAIM)
    assert joined(await world.messages(customer)) == ["Ann", "Ann"]


async def assigned(world: World, customer: ConversationId, author: Author, to: Author) -> Verdict:
    """Let a teammate assign the conversation."""
    thread = (await world.conversation(customer)).thread
    return await world.report(replace(world.act(Verb.ASSIGN, author), thread=thread, target=to))


async def test_assigning_what_somebody_has_already_changes_nothing(world: World) -> None:
    """Who asks is told so alone: no line in the thread, none to the customer, no new epoch."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.CLAIM)
    before = await world.conversation(customer)
    own = await assigned(world, customer, ANN, ANN)
    others = await assigned(world, customer, BOB, ANN)
    assert [isinstance(v, Declined) and v.why for v in (own, others)] == [
        "You already have this conversation.",
        "Ann already has this conversation.",
    ]
    await world.settle()
    assert world.desk.notices() == []
    assert (await world.conversation(customer)) == before


async def test_assigning_says_who_had_it(world: World) -> None:
    """To oneself it is a takeover; for somebody else both names stand in the line."""
    customer = await world.escalated()
    cid = Author("Cid", None, "u-cid")
    for author, to in ((ANN, ANN), (BOB, BOB), (BOB, ANN), (cid, BOB)):
        await assigned(world, customer, author, to)
        await world.settle()
    assert world.desk.notices() == [
        "Bob has taken this over from Ann.",
        "Bob assigned this to Ann.",
        "Cid assigned this to Bob; Ann had it.",
    ]


async def test_a_reply_after_the_end_opens_a_new_handoff_for_its_author(world: World) -> None:
    """What a person writes reaches the customer, and the floor is theirs."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.RESOLVE)
    await world.settle()
    before = [k.post for k in world.desk.posts if k.post and k.post.entries]
    await world.replies(customer, "One more thing")
    await world.settle()

    conversation = await world.conversation(customer)
    assert conversation.floor is Floor.TEAMMATE
    assert (await world.messages(customer))[-1].text == "One more thing"
    assert len(world.desk.roots) == 1
    assert [k.post for k in world.desk.posts if k.post and k.post.entries] == before


async def test_who_writes_again_sees_what_was_said_meanwhile(world: World) -> None:
    """After the end the customer talked with the assistant; a teammate's next reply brings that
    into the thread, once, and what the customer says then stands behind it.
    """
    customer = await world.escalated()
    await world.clicks(customer, Verb.RESOLVE)
    await world.settle()
    await world.says(customer, "Said to the assistant")
    await world.settle()
    shown = len(world.desk.posts)
    await world.replies(customer, "One more thing")
    await world.settle()
    await world.says(customer, "Said to the person")
    await world.settle()

    new = [kept.post for kept in world.desk.posts[shown:] if kept.post]
    entries = [entry.text for post in new for entry in post.entries]
    assert entries[0] == "Said to the assistant"
    assert "One more thing" not in entries
    assert world.desk.words()[-1] == "Said to the person"


async def test_nobody_coming_ends_in_an_offer_and_never_in_silence(world: World) -> None:
    """Reminders in the thread, words to the customer, then back to the assistant."""
    customer = await world.escalated()
    await world.pass_time(1000, step=20)

    conversation = await world.conversation(customer)
    assert conversation.floor is Floor.ASSISTANT
    assert conversation.handoff is not None
    assert conversation.handoff.state is State.EXPIRED
    assert sum("waiting" in notice for notice in world.desk.notices()) == 2
    assert "e-mail" in (await world.messages(customer))[-1].text


async def test_a_lost_room_is_told_to_the_customer(world: World) -> None:
    """When no thread can be opened the customer is not left waiting."""
    world.desk.before = [Refused("channel is archived")]
    customer = await world.escalated()

    conversation = await world.conversation(customer)
    assert conversation.handoff is not None
    assert conversation.handoff.state is State.FAILED
    assert conversation.floor is Floor.ASSISTANT
    assert "cannot be reached" in (await world.messages(customer))[-1].text


@pytest.mark.fault("F22")
async def test_a_deleted_thread_is_replaced_by_one_new_one(world: World) -> None:
    """A person deleted the root: one new root, with the history and the waiting words in it."""
    customer = await world.escalated()
    world.desk.before = [Refused("thread not found", lost_thread=True)]
    await world.says(customer, "still here?")
    await world.settle()
    await world.says(customer, "hello?")
    await world.settle()

    assert len(world.desk.roots) == 2
    pages = [k.post for k in world.desk.posts if k.post and k.post.kind is PostKind.TRANSCRIPT]
    assert "still here?" in [e.text for e in pages[-1].entries]
    assert world.desk.words() == ["hello?"]


async def test_an_assistant_that_fails_for_good_is_replaced_by_a_person(world: World) -> None:
    """The customer never gets silence: a failing assistant escalates."""
    customer = await world.arrives()
    world.assistant.answers = [Refused("bad key"), Refused("bad key")]
    await world.says(customer, "hello")
    await world.settle()

    assert (await world.conversation(customer)).floor is Floor.WAITING


async def test_an_assistant_that_fails_once_is_asked_once_more(world: World) -> None:
    """One failure is not told to the customer: the second attempt answers."""
    customer = await world.arrives()
    world.assistant.answers = [TryAgain("busy", 60.0)]
    await world.says(customer, "hello")
    await world.settle()

    assert (await world.messages(customer))[-1].text == "echo: hello"


async def test_an_assistant_that_asks_for_a_person_gets_one(world: World) -> None:
    """The assistant's own call is enough."""
    customer = await world.arrives()
    world.assistant.answers = [Answer("One moment.", escalate="refund over my limit")]
    await world.says(customer, "refund 900 please")
    await world.settle()

    handoff = (await world.conversation(customer)).handoff
    assert handoff is not None
    assert "refund over my limit" in str(handoff.reason)


async def test_replies_are_marked_as_shown_and_read(world: World) -> None:
    """What the customer's page tells of shown and read comes back as marks at the desk."""
    customer = await world.escalated()
    root = world.desk.posts[0]
    await world.replies(customer, "hi", post=PostRef(root.ref))
    seq = (await world.messages(customer))[-1].seq
    for key, shown, read in (("s", seq, 0), ("r", seq, seq)):
        await world.report(
            CustomerSaw(
                key=key, at=world.clock.now(), conversation_id=customer, shown=shown, read=read
            )
        )
        await world.settle()

    assert root.marks == [Mark.SHOWN, Mark.READ]


@pytest.mark.parametrize("is_seen_first", [True, False])
async def test_a_reply_whose_file_did_not_come_is_marked_as_failed(
    world: World, *, is_seen_first: bool
) -> None:
    """The line says why, the reply bears the warning, and its words being read hides it never."""
    customer = await world.escalated()
    root = world.desk.posts[0]
    await world.replies(customer, "here it is", post=PostRef(root.ref))
    seq = (await world.messages(customer))[-1].seq
    seen = CustomerSaw(key="s", at=1.0, conversation_id=customer, shown=seq, read=seq)
    failed = FileFailed(
        key="f",
        at=1.0,
        thread=(await world.conversation(customer)).thread or ThreadRef(""),
        post=PostRef(root.ref),
        name="offer.pdf",
        why="Slack answered HTTP 404",
    )
    for fact in (seen, failed) if is_seen_first else (failed, seen):
        await world.report(fact)
        await world.settle()

    assert root.marks[-1] is Mark.FAILED
    assert "The file offer.pdf did not reach the customer" in world.desk.notices()[-1]
    assert not (await world.conversation(customer)).marking


async def test_a_warning_and_other_marks_travel_together(world: World) -> None:
    """Marks that wait in one lane are made at once, and none of them is lost."""
    customer = await world.escalated()
    root, page = world.desk.posts[0], world.desk.posts[1]
    await world.replies(customer, "one", post=PostRef(root.ref))
    await world.replies(customer, "two", post=PostRef(page.ref))
    seq = (await world.messages(customer))[-1].seq
    thread = (await world.conversation(customer)).thread or ThreadRef("")
    seen: dict[str, Any] = {"at": 1.0, "conversation_id": customer}
    lost: dict[str, Any] = {"at": 1.0, "thread": thread, "name": "a.pdf", "why": "it is too large"}
    await asyncio.gather(
        world.report(CustomerSaw(key="s1", shown=seq - 1, **seen)),
        world.report(FileFailed(key="f1", post=PostRef(root.ref), **lost)),
        world.report(FileFailed(key="f2", post=PostRef("memory:gone"), **lost)),
        world.report(CustomerSaw(key="s2", shown=seq, **seen)),
    )
    await world.settle()
    assert (root.marks[-1], page.marks[-1]) == (Mark.FAILED, Mark.SHOWN)


async def test_a_restart_in_the_middle_of_everything_loses_nothing(world: World) -> None:
    """Crash after every line; all lines stand in the thread once and in order."""
    customer = await world.escalated()
    for number in range(12):
        await world.says(customer, f"line {number}")
        if number % 2:
            await world.settle()
        await world.restart()
    await world.pass_time(30)

    assert world.desk.words() == [f"line {number}" for number in range(12)]
    assert len(world.desk.roots) == 1
