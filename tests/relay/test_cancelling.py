"""What was cancelled is not sent, wherever it waits at that moment."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.delivery import Delivery, Leg, PostMessage, Progress
from bridge.domain.errors import Refused
from bridge.domain.ids import ConversationId, DeliveryId
from bridge.domain.messages import Role
from bridge.ports.store import Cancellation
from bridge.relay.batch import Batch
from bridge.relay.known import Known
from tests.world import World


def lines(world: World) -> list[str]:
    """Return the customer's lines in the newest thread, in the order they stand."""
    thread = world.desk.roots[-1].ref
    posts = [kept.post for kept in world.desk.posts if kept.post and kept.thread == thread]
    told = [e.text for post in posts for e in post.entries if e.role is Role.CUSTOMER]
    return [text for text in (*told, *(post.text for post in posts)) if text.startswith("line")]


async def with_a_line_on_its_way(world: World) -> tuple[ConversationId, Callable[[], None]]:
    """Return a conversation with a line on its way, and what lets it find its thread gone."""
    customer = await world.escalated()
    real: Any = world.desk.post
    gate = asyncio.Event()

    async def loses_the_thread(*given: Any) -> Any:
        world.desk.post = real  # type: ignore[method-assign]
        await gate.wait()
        gone = "the thread is gone"
        raise Refused(gone, lost_thread=True)

    world.desk.post = loses_the_thread  # type: ignore[method-assign,assignment]
    await world.says(customer, "line 1")
    await world.settle(20)
    return customer, gate.set


async def test_what_was_held_back_is_cancelled(world: World) -> None:
    """A line held back until the stored ones are known stands once in the new thread."""
    customer, lose = await with_a_line_on_its_way(world)
    hold = world.relay.courier.hold({customer}, ())
    await world.says(customer, "line 2")
    lose()
    await world.settle()
    world.relay.courier.adopt((), {customer}, hold=hold)
    await world.pass_time(10)

    assert lines(world) == ["line 1", "line 2"]
    assert await world.relay.store.deliveries(None) == ()


async def test_what_was_read_before_its_cancellation_is_not_taken_over(world: World) -> None:
    """Rows that are older than the cancellation bring nothing back that it took away."""
    customer, lose = await with_a_line_on_its_way(world)
    await world.says(customer, "line 2")
    hold = world.relay.courier.hold({customer}, ())
    found = await world.relay.store.deliveries(None, {customer})
    assert [d.progress for d in found if d.leg is Leg.DESK] == [Progress.SENDING, Progress.QUEUED]
    lose()
    await world.settle()
    world.relay.courier.adopt(found, {customer}, hold=hold)
    await world.pass_time(10)

    assert lines(world) == ["line 1", "line 2"]
    assert await world.relay.store.deliveries(None) == ()


async def with_a_cancelled_lane(world: World) -> tuple[Delivery, Callable[[], None]]:
    """Return a line nobody here has heard of, and what cancels its lane."""
    customer = await world.escalated()
    conversation = await world.conversation(customer)
    (said,) = (m for m in conversation.recent if m.role is Role.CUSTOMER)
    line = PostMessage(said.id, said.seq, said.role, said.author, "line 1")
    at = conversation.position
    delivery = Delivery(DeliveryId("d_x"), customer, at, line, 0.0, "memory", "support")
    batch = Batch({}, Known(), world.rules, {}, lambda delivery: delivery)
    batch.write.cancelled.append(Cancellation(customer, frozenset({Leg.DESK}), at))
    return delivery, lambda: world.relay.courier.accept(batch)


@pytest.mark.parametrize(
    ("progress", "is_late", "sent"),
    [
        (Progress.QUEUED, False, False),
        (Progress.QUEUED, True, True),
        (Progress.SENDING, False, True),
    ],
)
async def test_only_a_read_before_the_cancellation_is_held_against_it(
    world: World, progress: Progress, is_late: bool, sent: bool
) -> None:
    """What a later read found is still to be sent, as is what was on its way when it was
    cancelled: that is looked for, and sent when it is not there.
    """
    delivery, cancel = await with_a_cancelled_lane(world)
    hold = world.relay.courier.hold((), ())
    cancel()
    if is_late:
        hold = world.relay.courier.hold((), ())
    world.relay.courier.adopt([replace(delivery, progress=progress)], hold=hold)
    await world.pass_time(20)

    assert lines(world) == ["line 1"] * sent


async def test_what_is_cancelled_while_it_is_revived_stays_so(world: World) -> None:
    """The operator's retry of a line does not outlive its cancellation."""
    delivery, cancel = await with_a_cancelled_lane(world)
    dead = delivery.moved(Progress.DEAD)

    async def finds(*given: Any) -> Delivery:
        cancel()
        return dead

    world.relay.store.delivery = finds  # type: ignore[method-assign,assignment]
    await world.relay.reviver.retry(dead.id)
    await world.pass_time(10)

    assert lines(world) == []
