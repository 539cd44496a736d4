"""What teammates do on the page: it is kept, and the bridge is told of it, once and in order."""

import asyncio
from contextlib import suppress

from bridge.domain.facts import (
    Declined,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    Verb,
)
from bridge.domain.ids import HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Author
from bridge.domain.posts import Amendment, Mark
from bridge.ports.core import Typing
from tests.adapters.sandbox.house import CONVERSATION, ROOM, House, card, line, transcript
from tests.clocks import START

SUPPORT = Author("Support", None, "sandbox:support")
WORKSHOP = Author("Workshop", None, "sandbox:workshop")


async def test_a_reply_is_kept_and_told(house: House) -> None:
    """The post stands in the thread, and the fact carries words, author, thread and post."""
    thread = await house.thread()
    answer = await house.write(thread, "It is on its way.")
    [fact] = house.inbox.facts
    assert isinstance(fact, TeammateWrote)
    assert (fact.text, fact.note, fact.author) == ("It is on its way.", False, SUPPORT)
    assert fact.thread == ThreadRef(f"sandbox:support/{thread}")
    assert fact.post == PostRef(f"sandbox:support/{thread}/{answer['post']['id']}")
    assert answer["private"] is None
    assert house.ledger.news(thread) == ()


async def test_a_note_is_told_as_a_note(house: House) -> None:
    """By its sign or by the page's switch, a note is a note, without its sign."""
    thread = await house.thread()
    await house.write(thread, "note: stuck at the depot")
    await house.write(thread, "stuck again", note=True)
    assert [(fact.text, fact.note) for fact in _wrote(house)] == [
        ("stuck at the depot", True),
        ("stuck again", True),
    ]
    assert [post.note for post in house.ledger.posts(thread)] == [True, True]


async def test_an_edit_and_a_deletion_are_told(house: House) -> None:
    """The same post is named; a deletion has no words, and none are left at the desk."""
    thread = await house.thread()
    post = (await house.write(thread, "Tomorow."))["post"]["id"]
    path = f"/sandbox/posts/{post}"
    status, edited = await house.call("PATCH", path, {"as": "support", "text": "Tomorrow."})
    assert (status, edited["post"]["text"], edited["post"]["edited"]) == (200, "Tomorrow.", True)
    status, gone = await house.call("DELETE", f"{path}?as=support")
    assert (status, gone["post"]["deleted"], gone["post"]["text"]) == (200, True, "")
    wrote, first, second = house.inbox.facts
    assert isinstance(wrote, TeammateWrote)
    assert isinstance(first, TeammateAmended)
    assert isinstance(second, TeammateAmended)
    assert (first.post, first.text, first.note) == (wrote.post, "Tomorrow.", False)
    assert (second.post, second.text) == (wrote.post, None)


async def test_an_edit_that_makes_a_note_withdraws(house: House) -> None:
    """The fact says note, and from then on the post stays one."""
    thread = await house.thread()
    post = (await house.write(thread, "He is rude."))["post"]["id"]
    for text in ("note: He is rude.", "He is very rude."):
        await house.call("PATCH", f"/sandbox/posts/{post}", {"as": "support", "text": text})
    amended = [fact for fact in house.inbox.facts if isinstance(fact, TeammateAmended)]
    assert [fact.note for fact in amended] == [True, True]


async def test_only_the_author_changes_a_post(house: House) -> None:
    """Another teammate is refused by name of the field, and nothing is told."""
    thread = await house.thread()
    post = (await house.write(thread, "Mine."))["post"]["id"]
    body = {"as": "workshop", "text": "Ours."}
    status, problem = await house.call("PATCH", f"/sandbox/posts/{post}", body)
    assert (status, problem["field"]) == (403, "as")
    status, _ = await house.call("DELETE", f"/sandbox/posts/{post}?as=workshop")
    assert status == 403
    assert len(house.inbox.facts) == 1


async def test_a_button_is_told_with_the_handoff_it_was_drawn_for(house: House) -> None:
    """The verb, who pressed, and the card's handoff reach the bridge."""
    thread = await house.thread()
    body = {"as": "workshop", "verb": "claim", "handoff_id": "h_1"}
    status, _ = await house.call("POST", f"/sandbox/threads/{thread}/verbs", body)
    assert status == 200
    [fact] = house.inbox.facts
    assert isinstance(fact, TeammateActed)
    assert (fact.verb, fact.author, fact.handoff_id) == (Verb.CLAIM, WORKSHOP, HandoffId("h_1"))


async def test_a_refused_button_is_answered_with_the_reason(house: House) -> None:
    """The bridge's own sentence and word come back, as a problem."""
    thread = await house.thread()
    house.inbox.verdict = Declined("closed", "It was resolved already.")
    body = {"as": "support", "verb": "resolve"}
    status, problem = await house.call("POST", f"/sandbox/threads/{thread}/verbs", body)
    assert (status, problem["detail"], problem["code"]) == (
        409,
        "It was resolved already.",
        "closed",
    )


async def test_a_refused_reply_is_answered_privately(house: House) -> None:
    """The post stands, and its author is told that it went nowhere."""
    thread = await house.thread()
    house.inbox.verdict = Declined("unknown", "This thread is none of ours.")
    answer = await house.write(thread, "Hello?")
    assert answer["private"] == "This thread is none of ours."
    assert answer["post"]["text"] == "Hello?"


async def test_typed_commands_do_what_buttons_do(house: House) -> None:
    """A verb with a leading mark is told as an act, and nothing of it is posted."""
    thread = await house.thread()
    await house.write(thread, "!resolve")
    await house.write(thread, "!assign @workshop")
    first, second = house.inbox.facts
    assert isinstance(first, TeammateActed)
    assert isinstance(second, TeammateActed)
    assert (first.verb, second.verb, second.target) == (Verb.RESOLVE, Verb.ASSIGN, WORKSHOP)
    assert house.ledger.posts(thread) == ()


async def test_help_and_unknown_commands_are_answered_privately(house: House) -> None:
    """Nothing is posted and nothing is told."""
    thread = await house.thread()
    told = [(await house.write(thread, text))["private"] for text in ("!help", "!frob", "!assign")]
    assert "!claim" in told[0]
    assert told[1].startswith("Not sent: there is no `!frob`.")
    assert "@workshop" in told[2]
    assert house.inbox.facts == []
    assert house.ledger.posts(thread) == ()


async def test_a_reply_outlives_a_database_that_is_away_and_a_restart(house: House) -> None:
    """What could not be told is kept, and told after the restart, in order."""
    thread = await house.thread()
    house.inbox.away = True
    answer = await house.write(thread, "first")
    assert "kept" in answer["private"]
    await house.write(thread, "second")
    await house.restart()
    house.inbox.away = False
    running = asyncio.create_task(house.rooms.run())
    await house.inbox.called(4)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [fact.text for fact in _wrote(house)] == ["first", "second"]


async def test_what_could_not_be_told_is_tried_again_after_a_while(house: House) -> None:
    """Without a restart the next round comes by the clock."""
    thread = await house.thread()
    house.inbox.away = True
    await house.write(thread, "hello")
    running = asyncio.create_task(house.rooms.run())
    await house.inbox.called(2)
    house.inbox.away = False
    house.clock.advance(10)
    await house.inbox.called(3)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [fact.text for fact in _wrote(house)] == ["hello"]


async def test_two_at_once_each_get_their_own_answer(house: House) -> None:
    """While one reply is being told another comes: order is kept, neither is told twice."""
    thread = await house.thread()
    house.inbox.gate.clear()
    both_kept = asyncio.Event()

    def look() -> None:
        if len(house.ledger.news(thread)) == 2:
            both_kept.set()

    house.ledger.listen(look)
    writes = [asyncio.create_task(house.write(thread, text)) for text in ("one", "two")]
    await both_kept.wait()
    house.inbox.gate.set()
    answers = await asyncio.gather(*writes)
    assert [answer["private"] for answer in answers] == [None, None]
    assert sorted(fact.text for fact in _wrote(house)) == ["one", "two"]
    assert house.inbox.calls == 2


async def test_the_room_shows_threads_and_who_answers(house: House) -> None:
    """The page begins with the threads, their cards, and the teammates to choose from."""
    thread = await house.thread()
    status, room = await house.call("GET", "/sandbox/room")
    assert status == 200
    assert [mate["id"] for mate in room["teammates"]] == ["support", "workshop"]
    [shown] = room["threads"]
    assert (shown["id"], shown["room"]) == (str(thread), ROOM)
    assert shown["card"]["evidence"] == "a human please"
    assert shown["card"]["verbs"] == ["claim", "resolve", "return"]
    assert shown["card"]["requested_at"] == "2027-01-15T08:00:00.000Z"


async def test_a_thread_shows_history_words_and_marks(house: House) -> None:
    """Posts come in their order, with entries, role and mark."""
    thread = await house.thread()
    ref = ThreadRef(f"sandbox:{ROOM}/{thread}")
    await house.desk.post(ref, transcript("Where is it?", "Hello?"), ("d_1",))
    await house.desk.post(ref, line("Order 48213."), ("d_2",))
    reply = (await house.write(thread, "Found it."))["post"]["id"]
    await house.desk.amend(PostRef(f"{ref}/{reply}"), Amendment(mark=Mark.READ))
    _, answer = await house.call("GET", f"/sandbox/threads/{thread}")
    history, words, last = answer["posts"]
    assert [entry["text"] for entry in history["entries"]] == ["Where is it?", "Hello?"]
    assert (words["role"], words["text"], words["teammate"]) == ("customer", "Order 48213.", None)
    assert (last["mark"], last["teammate"]) == ("read", "support")


async def test_the_card_changes_with_the_handoff(house: House) -> None:
    """After a refresh the page is given the new state and owner."""
    thread = await house.thread()
    changed = card(owner="Support", verbs=(Verb.RELEASE,), changed_at=START + 5)
    await house.desk.refresh(ThreadRef(f"sandbox:{ROOM}/{thread}"), changed)
    _, answer = await house.call("GET", f"/sandbox/threads/{thread}")
    assert answer["thread"]["card"]["owner"] == "Support"
    assert answer["thread"]["card"]["verbs"] == ["release"]


async def test_a_teammate_who_types_is_seen_by_the_customer(house: House) -> None:
    """The hint goes to the conversation of the thread, and is told to nobody else."""
    thread = await house.thread()
    path = f"/sandbox/threads/{thread}/typing"
    status, _ = await house.call("POST", path, {"as": "support"})
    assert status == 204
    assert house.presence.told == [(CONVERSATION, Typing("teammate", "Support"))]
    assert house.inbox.facts == []


def _wrote(house: House) -> list[TeammateWrote]:
    return [fact for fact in house.inbox.facts if isinstance(fact, TeammateWrote)]
