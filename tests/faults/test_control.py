"""Who has the floor when people act at the same moment, and what an edit may publish."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.delivery import Answer, Ask, Delivery, Receipt
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerWrote,
    Declined,
    Delivered,
    Fact,
    PersonAsked,
    Taken,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    Verb,
)
from bridge.domain.handoff import Floor, State
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Message, Role
from bridge.domain.policy import default_policy
from bridge.domain.rules import Place, Rules
from bridge.reactions import react
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.faults.composed import House, house
from tests.servers.slack_state import ROOM
from tests.world import ANN, BOB, World, the_rules

ROUNDS = 60


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running core with a hand-moved clock, on SQLite."""
    made = World(lambda: open_store(sqlite_url(tmp_path)), the_rules(default_policy()), HandClock())
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made


async def thread_of(world: World, customer: ConversationId) -> ThreadRef:
    """Return where a conversation stands at the desk."""
    return (await world.conversation(customer)).thread or ThreadRef("")


@pytest.mark.fault("F82")
async def test_two_claims_in_the_same_moment_leave_one_owner(world: World) -> None:
    """Whoever comes second takes over: everywhere stands one owner, and it is the same."""
    chance, owners = random.Random(82), set()
    for _ in range(ROUNDS):
        customer = await world.escalated()
        people = [ANN, BOB]
        chance.shuffle(people)
        verdicts = await asyncio.gather(*(world.clicks(customer, Verb.CLAIM, p) for p in people))
        handoff = (await world.conversation(customer)).handoff
        assert handoff is not None
        assert handoff.state is State.ACTIVE
        assert all(isinstance(v, Taken | Declined) for v in verdicts)
        owners.add(handoff.owner.name if handoff.owner else "")
        await world.settle()
        thread = await thread_of(world, customer)
        (card,) = [k.card for k in world.desk.roots if k.ref == thread]
        assert card is not None
        assert card.owner == (handoff.owner.name if handoff.owner else "")
        told = [m.text for m in await world.messages(customer) if m.role is Role.SYSTEM]
        assert handoff.owner is not None
        assert handoff.owner.name in told[-1]
    assert owners == {ANN.name, BOB.name}


@pytest.mark.fault("F83")
async def test_claim_return_and_giving_up_at_once_have_one_outcome(world: World) -> None:
    """A teammate claims while the customer goes back and the last deadline passes: all agree."""
    seen = set()
    for order in [*permutations(range(3))] * 5:
        customer = await world.escalated()
        deadlines = (*world.rules.waits.reminders, world.rules.waits.give_up)
        world.clock.advance(max(deadlines) - 1)
        await world.settle()

        async def passes() -> None:
            world.clock.advance(2)

        async def returns(customer: ConversationId = customer) -> None:
            now = world.clock.now()
            await world.report(
                AssistantWanted(key=f"r{customer}", at=now, conversation_id=customer)
            )

        deeds = [world.clicks(customer, Verb.CLAIM), returns(), passes()]
        await asyncio.gather(*(deeds[index] for index in order))
        await world.pass_time(5)
        conversation = await world.conversation(customer)
        handoff = conversation.handoff
        assert handoff is not None
        is_open = handoff.state in {State.WAITING, State.ACTIVE}
        assert (conversation.floor is Floor.ASSISTANT) is not is_open
        card = next(k.card for k in world.desk.roots if k.ref == conversation.thread)
        assert card is not None
        assert (card.state, card.is_open) == (handoff.state, is_open)
        roles = [m.role for m in await world.messages(customer)]
        assert roles[-1] is Role.SYSTEM
        seen.add(handoff.state)
    assert seen <= {State.HANDED_BACK, State.EXPIRED}


@pytest.mark.fault("F84")
@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.RETURN])
async def test_a_reply_on_its_way_while_the_floor_is_given_up_is_shown(
    world: World, verb: Verb
) -> None:
    """The reply and the verb in the same moment: the reply stands, and no assistant beside it."""
    for first in (0, 1):
        customer = await world.escalated()
        await world.clicks(customer, Verb.CLAIM)
        deeds: list[Any] = [
            world.replies(customer, "one last word"),
            world.clicks(customer, verb),
        ]
        verdicts = await asyncio.gather(*(deeds if first else reversed(deeds)))
        assert all(isinstance(v, Taken) for v in verdicts)
        await world.settle()
        log = await world.messages(customer)
        assert [m.text for m in log if m.role is Role.TEAMMATE] == ["one last word"]
        if (await world.conversation(customer)).floor is Floor.ASSISTANT:
            await world.says(customer, "thanks")
            await world.settle()
            log = await world.messages(customer)
            assert log[-1].text == "echo: thanks"
        words = [m.role for m in log]
        shown = words.index(Role.TEAMMATE)
        assert Role.ASSISTANT not in words[:shown][2:], "nobody talked between hand-over and reply"


# ── the assistant against a take-over ────────────────────────────────────────────────────────────

RACES = 100_000
C = ConversationId("c")
THREAD = ThreadRef("memory:1")
RULES = Rules(
    default_policy(),
    (Place("memory", "support"),),
    {"memory": DeskCapabilities(max_text=4000, can_mark=True)},
)


class Race:
    """An assistant that was asked, and what else happens before and after its answer."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 1000.0
        self.number = 0
        self.talk = Conversation(C, Customer("Mia"), 0.0, version=1)
        self.asked: list[Delivery] = []

    def base(self) -> dict[str, Any]:
        """Return what every fact has."""
        self.number += 1
        self.now += 1.0
        return {"key": f"k{self.number}", "at": self.now, "conversation_id": C}

    def take(self, fact: Fact) -> list[Message]:
        """Let a fact happen; returns the assistant's words that it stored."""
        outcome = react(self.talk, fact, RULES)
        if isinstance(outcome.verdict, Declined):
            assert not outcome.messages
            return []
        self.talk = outcome.conversation()
        self.asked += [d for d in outcome.deliveries if isinstance(d.payload, Ask)]
        return [m for m in outcome.messages if m.role is Role.ASSISTANT]

    def answer(self) -> Fact:
        """Return the answer to a question: of ours, or of a bot outside under an epoch."""
        receipt = Receipt(answer=Answer("an answer"))
        asked = self.chance.choice(self.asked)
        if self.chance.random() < 0.5:
            return Delivered(**self.base(), delivery=asked, receipt=receipt)
        assert isinstance(asked.payload, Ask)
        epoch = asked.payload.epoch
        return BotWrote(**self.base(), role="assistant", text="bot", epoch=epoch)

    def takeovers(self) -> list[Fact]:
        """Return ways by which people get the floor, and sometimes one by which they lose it."""
        gained: Fact = PersonAsked(**self.base(), source="button")
        if self.talk.thread is not None:
            gained = TeammateWrote(
                **self.base(), thread=THREAD, post=PostRef("memory:p"), author=ANN, text="hi"
            )
        facts: list[Fact] = [gained]
        if self.chance.random() < 0.4:
            facts.append(AssistantWanted(**self.base()))
        if self.chance.random() < 0.2:
            facts.append(TeammateActed(**self.base(), verb=Verb.CLAIM, author=BOB, thread=THREAD))
        return facts


def run_race(seed: int) -> tuple[int, int]:
    """Run one; returns how many answers were stored and how many came too late."""
    race = Race(random.Random(seed))
    race.take(CustomerWrote(**race.base(), text="where is it?"))
    epoch, stored, late = race.talk.epoch, 0, 0
    facts = [*race.takeovers(), *(race.answer() for _ in range(race.chance.randint(1, 2)))]
    race.chance.shuffle(facts)
    for fact in facts:
        has_floor = race.talk.floor is Floor.ASSISTANT and race.talk.epoch == epoch
        is_answer = isinstance(fact, Delivered | BotWrote)
        said = race.take(fact)
        if is_answer:
            assert not said or has_floor, f"seed {seed}"
            stored += bool(said)
            late += not has_floor
    return stored, late


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.fault("F85")
@pytest.mark.parametrize("part", range(4))
def test_no_answer_is_stored_after_a_take_over(part: int) -> None:
    """A hundred thousand races: what was asked under an epoch is stored under that one or never."""
    each = RACES // 4
    results = [run_race(seed) for seed in range(part * each, (part + 1) * each)]
    assert sum(stored for stored, _ in results) > each // 4
    assert sum(late for _, late in results) > each // 4


@pytest.mark.fault("F85")
async def test_a_take_over_while_an_answer_is_being_stored(world: World) -> None:
    """On the real store, released in the same moment: whoever is second finds the floor gone."""
    late = 0
    for number in range(ROUNDS):
        customer = await world.arrives()
        world.assistant.gate.clear()
        asked = len(world.assistant.asked)
        await world.says(customer, "hello")
        async with asyncio.timeout(10):
            while len(world.assistant.asked) == asked:  # noqa: ASYNC110 -- the world's own pace
                await asyncio.sleep(0)
        if number % 2:
            world.assistant.gate.set()
            await asyncio.sleep(0)
        asking = asyncio.create_task(world.asks_for_person(customer))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        world.assistant.gate.set()
        await asking
        await world.settle()
        said = [m.role for m in await world.messages(customer) if m.role is not Role.CUSTOMER]
        assert Role.ASSISTANT not in said[said.index(Role.SYSTEM) :]
        late += Role.ASSISTANT not in said
    assert late > 0


# ── edits ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F86")
@pytest.mark.parametrize("ends", ["edited", "deleted"])
async def test_changes_in_any_order_leave_the_last_state_once(world: World, ends: str) -> None:
    """A reply, two edits and perhaps its deletion, in every order and at once: the last holds."""
    customer = await world.escalated()
    thread = await thread_of(world, customer)
    number = 4 if ends == "deleted" else 3
    for together in (False, True):
        for order in permutations(range(number)):
            post = PostRef(f"memory:{together}{order}")
            at = world.clock.now()

            def amend(step: int, text: str | None, post: PostRef = post, at: float = at) -> Fact:
                key = f"{post}:{step}"
                return TeammateAmended(key=key, at=at + step, thread=thread, post=post, text=text)

            written = TeammateWrote(
                key=f"{post}:0", at=at, thread=thread, post=post, author=ANN, text=f"first {post}"
            )
            facts = [written, amend(1, f"second {post}"), amend(2, f"third {post}"), amend(3, None)]
            chosen = [facts[index] for index in order]
            if together:
                await asyncio.gather(*(world.report(fact) for fact in chosen))
            else:
                for fact in chosen:
                    await world.report(fact)
            found = [m for m in await world.messages(customer) if post in m.text or m.post == post]
            if ends == "deleted":
                assert all(m.deleted and not m.text for m in found), order
            else:
                assert [m.text for m in found] == [f"third {post}"], order


@pytest.fixture
async def at_slack(tmp_path: Path) -> AsyncIterator[House]:
    """The whole application with a handoff in Slack."""
    async with house(tmp_path) as made:
        yield made


CANARY = "only-for-the-team"


async def everything_shown(made: House) -> str:
    """Return all that the customer can be shown, as text."""
    _, page = await made.ask("GET", "/v1/messages?limit=200", headers=made.bearer("token"))
    _, state = await made.ask("GET", "/v1/conversation", headers=made.bearer("token"))
    return json.dumps([page, state])


@pytest.mark.fault("F87")
@pytest.mark.parametrize("first", [f"note: {CANARY}", f"🔒 {CANARY}", f"!note {CANARY}"])
async def test_no_edit_and_no_broadcast_publishes_a_note(at_slack: House, first: str) -> None:
    """A note whose marker is edited away, or that is sent to the room too, stays inside."""
    people, thread = at_slack.slack.people, at_slack.names["slack_thread"]
    await people.teammate_says(thread, "hello, I am Ann")
    note = await people.teammate_says(thread, first)
    await people.teammate_edits(note.ts, CANARY)
    await people.teammate_edits(note.ts, f"{CANARY} again")
    message = at_slack.slack.state.message(ROOM, note.ts)
    await people.deliver_message(ROOM, {**message, "subtype": "thread_broadcast", "text": first})
    await people.teammate_says(thread, first, subtype="thread_broadcast")
    await people.teammate_says(thread, "done")
    await at_slack.quiet()
    shown = await everything_shown(at_slack)
    assert "hello, I am Ann" in shown
    assert "done" in shown
    assert CANARY not in shown


@pytest.mark.fault("F87")
async def test_a_reply_edited_into_a_note_is_withdrawn(at_slack: House) -> None:
    """What the customer has seen goes away; the new words are shown to nobody outside."""
    people, thread = at_slack.slack.people, at_slack.names["slack_thread"]
    reply = await people.teammate_says(thread, "your parcel is lost")
    assert "your parcel is lost" in await everything_shown(at_slack)
    await people.teammate_edits(reply.ts, f"note: {CANARY}")
    await people.teammate_edits(reply.ts, f"note: {CANARY}, still")
    shown = await everything_shown(at_slack)
    assert "your parcel is lost" not in shown
    assert CANARY not in shown
    _, page = await at_slack.ask("GET", "/v1/messages", headers=at_slack.bearer("token"))
    assert page["messages"][-1]["deleted"]


@pytest.mark.fault("F87")
async def test_a_note_with_a_file_keeps_its_file(at_slack: House) -> None:
    """The file of a note is not fetched, and no edit makes it a reply's."""
    people, thread = at_slack.slack.people, at_slack.names["slack_thread"]
    files = [{"id": "F0NOTE", "name": f"{CANARY}.txt", "size": 3, "mode": "hosted"}]
    note = await people.teammate_says(thread, f"note: {CANARY}", files=files, subtype="file_share")
    await people.teammate_edits(note.ts, "here you are", files=files)
    await at_slack.quiet()
    shown = await everything_shown(at_slack)
    assert CANARY not in shown
    assert "here you are" not in shown
    assert at_slack.slack.state.calls["files.info"] == 0


async def test_a_teammate_who_is_gone_leaves_nobody_waiting(world: World) -> None:
    """An owner who says nothing any more: the room is told loudly, and the next takes over."""
    customer = await world.escalated()
    await world.clicks(customer, Verb.CLAIM)
    await world.replies(customer, "one moment")
    await world.says(customer, "are you there?")
    await world.pass_time(world.rules.waits.idle + 5, step=20)
    conversation = await world.conversation(customer)
    assert conversation.handoff is not None
    assert (conversation.handoff.state, conversation.handoff.owner) == (State.WAITING, None)
    assert conversation.floor is Floor.WAITING
    alarms = [k.post for k in world.desk.posts if k.post and k.post.loud]
    assert any("back into the queue" in alarm.text for alarm in alarms)
    await world.replies(customer, "I am Bob", author=BOB)
    conversation = await world.conversation(customer)
    assert conversation.handoff is not None
    assert conversation.handoff.owner == BOB
