"""How leases are shared out: every shard has one owner, and everybody alive gets a fair share."""

import random

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.shards import SHARDS
from storage.shards import LEASE, Lease, lost_fences, share_out

NOW = 1000.0


def free(count: int) -> list[Lease]:
    """Return shards that nobody has."""
    return [Lease(shard, None, 0, 0.0) for shard in range(count)]


def after(leases: list[Lease], me: str, instances: int, now: float) -> list[Lease]:
    """Return the leases after one instance's round."""
    shares = share_out(leases, me, instances, now)
    changed = {
        lease.shard: Lease(lease.shard, me, lease.epoch, now + LEASE) for lease in shares.keep
    }
    changed |= {
        lease.shard: Lease(lease.shard, me, lease.epoch + 1, now + LEASE) for lease in shares.take
    }
    changed |= {lease.shard: Lease(lease.shard, None, lease.epoch, 0.0) for lease in shares.release}
    return [changed.get(lease.shard, lease) for lease in leases]


def test_an_only_instance_takes_everything() -> None:
    """Alone one carries all."""
    assert len(share_out(free(SHARDS), "a", 1, NOW).take) == SHARDS


def test_a_second_instance_gets_half() -> None:
    """The first gives back what is more than its share, and the second takes it."""
    leases = after(free(SHARDS), "a", 1, NOW)
    assert not share_out(leases, "b", 2, NOW).take
    leases = after(leases, "a", 2, NOW)
    leases = after(leases, "b", 2, NOW)
    owners = [lease.owner for lease in leases]
    assert (owners.count("a"), owners.count("b")) == (SHARDS // 2, SHARDS // 2)


def test_what_nobody_renews_is_taken() -> None:
    """A dead instance's shards are free once their lease ran out, not before."""
    leases = after(free(4), "a", 1, NOW)
    assert not share_out(leases, "b", 1, NOW + LEASE).take
    taken = share_out(leases, "b", 1, NOW + LEASE + 0.1).take
    assert [lease.shard for lease in taken] == [0, 1, 2, 3]


def test_a_late_owner_keeps_what_nobody_took() -> None:
    """A lease that ran out unnoticed goes on under its epoch: nobody else acted under it."""
    leases = after(free(4), "a", 1, NOW)
    shares = share_out(leases, "a", 1, NOW + 10 * LEASE)
    assert (len(shares.keep), len(shares.take)) == (4, 0)


@given(st.integers(1, 7), st.integers(0, 2**32))
def test_rounds_in_any_order_come_to_rest_in_fair_shares(instances: int, seed: int) -> None:
    """However the rounds fall, everything is owned, nobody has more than a fair share, and an
    epoch never changes without the owner.
    """
    order = random.Random(seed)
    leases = free(SHARDS)
    names = [str(number) for number in range(instances)]
    for _ in range(4):
        for name in order.sample(names, len(names)):
            before, leases = leases, after(leases, name, instances, NOW)
            for old, new in zip(before, leases, strict=True):
                assert new.epoch - old.epoch == (new.owner not in {None, old.owner})
    owners = [lease.owner for lease in leases]
    assert all(owners)
    assert max(owners.count(name) for name in names) <= -(-SHARDS // instances)


def test_lost_fences_are_those_not_held_under_their_epoch() -> None:
    """Another epoch, or none, is a loss."""
    assert lost_fences({1: 5, 2: 5, 3: 5}, {1: 5, 2: 6}) == {2, 3}
    assert lost_fences({}, {1: 5}) == frozenset()
