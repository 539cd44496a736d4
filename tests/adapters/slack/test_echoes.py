"""Which of two posts with one key is taken away: never one on the word of memory alone."""

import asyncio

import pytest

from adapters.slack.echoes import Echo, Echoes
from adapters.slack.refs import Place
from bridge.domain.delivery import PostNotice, Progress, Receipt
from bridge.domain.ids import PostRef, ThreadRef
from bridge.ports.store import Settlement
from bridge.relay.receipts import StoreReceipts
from storage import open_store
from tests.clocks import HandClock
from tests.storage.things import NOW, conversation, delivery, first

ROOT, ONE, TWO = (Place("T", "C", ts) for ts in ("1.0", "2.0", "3.0"))


class Recorded:
    """Receipts that name one place for every key."""

    async def stands_elsewhere(
        self, keys: tuple[str, ...], place: PostRef | ThreadRef, made_at: float
    ) -> bool | None:
        """Whether a place is another one."""
        return place != TWO.post


class Posts:
    """Posts that are taken away."""

    def __init__(self) -> None:
        self.removed: list[Place] = []

    async def remove(self, place: Place) -> None:
        """Take one away."""
        self.removed.append(place)

    async def keys_at(self, place: Place, root: Place) -> tuple[str, ...]:
        """Nothing can be read."""
        return ()


async def test_two_instances_leave_the_post_that_is_recorded() -> None:
    """Each made one of two posts and hears of the other's: only the one without a record goes."""
    clock, posts = HandClock(), Posts()
    former, present = Echoes(clock), Echoes(clock)
    former.confirm(("d_1",), ONE)
    present.confirm(("d_1",), TWO)
    tasks = [
        asyncio.ensure_future(echoes.run(Recorded(), posts, alone=False))
        for echoes in (former, present)
    ]
    former.hear(Echo(TWO, ROOT, ("d_1",)))
    present.hear(Echo(ONE, ROOT, ("d_1",)))
    for _ in range(10):
        clock.advance(2.0)
        for _ in range(20):
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    assert posts.removed == [ONE]


@pytest.mark.parametrize(("made_at", "is_copy"), [(NOW + 5, True), (NOW - 3600, False)])
async def test_what_stood_there_before_its_delivery_is_no_copy(
    made_at: float, *, is_copy: bool
) -> None:
    """Names are given out again after a backup was put back: the older post is another one's."""
    async with open_store("sqlite://") as store:
        one = conversation()
        sent = delivery(one, 1, payload=PostNotice("words"), created_at=NOW)
        settled = Settlement(sent.moved(Progress.DELIVERED), Receipt(posts=(TWO.post,)))
        await store.commit(first(one, deliveries=[sent]))
        await store.commit(first(conversation("2"), settled=[settled]))

        found = await StoreReceipts(store).stands_elsewhere((sent.id,), ONE.post, made_at)

        assert found is is_copy
        assert not await StoreReceipts(store).stands_elsewhere((sent.id,), TWO.post, made_at)
