"""Who carries which shard: how leases are shared out among the instances that are alive.

Values only; `leases` keeps them in the database.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

LEASE = 30.0
"""Seconds a shard stays with an instance that no longer renews."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard as the database has it."""

    shard: int
    owner: str | None
    epoch: int
    until: float


@dataclass(frozen=True, slots=True)
class Shares:
    """What one round of leases changes: shards to keep, to take and to give back."""

    keep: tuple[Lease, ...]
    take: tuple[Lease, ...]
    release: tuple[Lease, ...]


def share_out(leases: Collection[Lease], me: str, instances: int, now: float) -> Shares:
    """Return what `me` keeps, takes and releases when so many instances are alive.

    A shard is free when nobody has it or its lease ran out; the owner of a lease that ran out
    may renew it as long as nobody took it, because then nobody else acted under it.
    """
    fair = -(-len(leases) // max(instances, 1))
    mine = [lease for lease in leases if lease.owner == me]
    free = [
        lease
        for lease in leases
        if lease.owner != me and (lease.owner is None or lease.until < now)
    ]
    return Shares(
        keep=tuple(mine[:fair]),
        take=tuple(free[: max(fair - len(mine), 0)]),
        release=tuple(mine[fair:]),
    )


def lost_fences(fences: Mapping[int, int], held: Mapping[int, int]) -> frozenset[int]:
    """Return the shards of `fences` that are not held under the epoch they were fenced with."""
    return frozenset(shard for shard, epoch in fences.items() if held.get(shard) != epoch)
