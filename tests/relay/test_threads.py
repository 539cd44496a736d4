"""What comes late, is lost or was given up: threads, replies, answers, and revived work."""

import pytest

from bridge.domain.errors import Refused, TryAgain, Uncertain
from bridge.domain.facts import AssistantWanted, BotWrote, Declined, TeammateAmended, Verb
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Role
from tests.world import World


async def goes_back(world: World, customer: ConversationId) -> None:
    """The customer returns to the assistant."""
    key = f"back:{world.clock.now()}"
    fact = AssistantWanted(key=key, at=world.clock.now(), conversation_id=customer)
    await world.report(fact)


def lines(world: World) -> list[str]:
    """Return the customer's lines in all threads, in the order they stand."""
    posts = [kept.post for kept in world.desk.posts if kept.post]
    entries = [e.text for post in posts for e in post.entries if e.role is Role.CUSTOMER]
    return [text for text in (*entries, *world.desk.words()) if text.startswith("line")]


async def test_a_handoff_that_ended_before_its_thread_leaves_one_thread(world: World) -> None:
    """The next handoff takes the root that the first one asked for; nothing stands twice."""
    customer = await world.arrives()
    await world.says(customer, "line 1")
    await world.settle()
    world.desk.before = [TryAgain("not now", 30.0)]
    await world.asks_for_person(customer)
    await world.settle()
    await goes_back(world, customer)
    await world.says(customer, "line 2")
    await world.settle()
    await world.asks_for_person(customer)
    await world.says(customer, "line 3")
    await world.pass_time(90, step=5)

    assert len(world.desk.roots) == 1
    assert lines(world) == ["line 1", "line 2", "line 3"]
    assert (await world.conversation(customer)).floor is Floor.WAITING


async def test_a_root_refused_after_its_handoff_ended_is_asked_for_anew(world: World) -> None:
    """The handoff that waits for the same root gets one, with everything under it."""
    customer = await world.arrives()
    await world.says(customer, "line 1")
    await world.settle()
    world.desk.before = [TryAgain("not now", 30.0), Refused("never")]
    await world.asks_for_person(customer)
    await world.settle()
    await goes_back(world, customer)
    await world.asks_for_person(customer)
    await world.says(customer, "line 2")
    await world.pass_time(90, step=5)

    assert len(world.desk.roots) == 1
    assert lines(world) == ["line 1", "line 2"]


async def test_a_root_refused_when_nobody_waits_any_more_holds_nothing_up(world: World) -> None:
    """What waited for the root is dropped; the next handoff shows it all."""
    customer = await world.arrives()
    await world.says(customer, "line 1")
    await world.settle()
    world.desk.before = [TryAgain("not now", 30.0), Refused("never")]
    await world.asks_for_person(customer)
    await world.settle()
    await goes_back(world, customer)
    await world.pass_time(60, step=5)
    await world.asks_for_person(customer)
    await world.pass_time(60, step=5)

    assert len(world.desk.roots) == 1
    assert lines(world) == ["line 1"]


@pytest.mark.parametrize("times", [1, 2])
async def test_what_dies_again_after_a_retry_is_dead_again(world: World, times: int) -> None:
    """It stands among the dead as before, and the conversation goes on taking facts."""
    customer = await world.escalated()
    world.desk.before = [Refused("never")]
    await world.says(customer, "line 1")
    await world.settle()
    for _ in range(times):
        world.clock.advance(1.0)
        world.desk.before = [Refused("never")]
        (dead,) = [d for d in await world.relay.store.dead() if d.leg == "desk"]
        assert await world.relay.reviver.retry(dead.id)
        await world.settle()

    (dead,) = [d for d in await world.relay.store.dead() if d.leg == "desk"]
    await world.says(customer, "line 2")
    assert await world.relay.reviver.retry(dead.id)
    await world.settle()
    assert lines(world) == ["line 1", "line 2"]


async def test_a_reply_deleted_before_it_came_stays_away(world: World) -> None:
    """An older edit that comes after the deletion does not bring the reply to the customer."""
    customer = await world.escalated()
    thread = (await world.conversation(customer)).thread or ThreadRef("")
    post = PostRef("memory:late")
    for number, text in enumerate((None, "an older edit")):
        await world.report(
            TeammateAmended(
                key=f"edit:{number}", at=world.clock.now(), thread=thread, post=post, text=text
            )
        )
    await world.replies(customer, "never mind", post=post)

    assert [m.text for m in await world.messages(customer) if m.role is Role.TEAMMATE] == []


async def test_a_notice_retried_while_another_is_on_its_way_waits_behind_it(world: World) -> None:
    """Reviving the dead of a lane that never parks disturbs neither that lane nor anybody."""
    customer = await world.escalated()
    world.desk.before = [Refused("never")]
    await world.clicks(customer, Verb.CLAIM)
    await world.clicks(customer, Verb.RELEASE)
    await world.settle()
    (dead,) = [d for d in await world.relay.store.dead() if d.leg == "notice"]
    world.desk.before = [Uncertain("the reply was lost")]
    await world.clicks(customer, Verb.CLAIM)
    await world.clicks(customer, Verb.RELEASE)
    await world.settle()
    assert await world.relay.reviver.retry(dead.id)
    await world.pass_time(20, step=2)

    assert len(world.desk.notices()) == 2
    assert [d for d in await world.relay.store.deliveries(None) if d.leg == "notice"] == []


async def test_an_outside_bot_cannot_answer_under_an_epoch_that_is_over(world: World) -> None:
    """The assistant has the floor again, and still what was thought before is not stored."""
    customer = await world.escalated()
    await goes_back(world, customer)
    now = world.clock.now()
    late = BotWrote(
        key="late", at=now, conversation_id=customer, role="assistant", text="late", epoch=0
    )
    assert isinstance(await world.report(late), Declined)
    assert "late" not in [m.text for m in await world.messages(customer)]


async def test_a_start_tries_at_once_what_waits_for_the_desk(world: World) -> None:
    """After a long outage and a restart nobody waits for the pause of the last failure."""
    customer = await world.arrives()
    await world.asks_for_person(customer)
    await world.settle()
    world.desk.before = [TryAgain("away")] * 6
    await world.says(customer, "line 1")
    await world.pass_time(30, step=1)
    assert lines(world) == []
    world.desk.before = []

    await world.restart()
    await world.settle()

    assert lines(world) == ["line 1"]


@pytest.mark.parametrize("where", ["carry", "look"])
async def test_an_end_nobody_expected_is_a_doubt(world: World, where: str) -> None:
    """A call that broke after its effect, or a look-up that broke, makes nothing stand twice."""
    customer = await world.escalated()
    broken = RuntimeError("nobody thought of this")
    if where == "carry":
        world.desk.after = [broken]  # type: ignore[list-item]
    else:
        world.desk.after = [Uncertain("lost")]
        real = world.desk.find
        failed: list[object] = []

        async def breaks_once(*asked: object) -> object:
            if not failed:
                failed.append(asked)
                raise broken
            return await real(*asked)  # type: ignore[arg-type]

        world.desk.find = breaks_once  # type: ignore[assignment,method-assign]
    await world.says(customer, "line 1")
    await world.pass_time(60, step=1)

    assert lines(world) == ["line 1"]
