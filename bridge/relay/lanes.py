"""A lane: what waits on one conversation's way to one party, and what its legs are like."""

from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from itertools import islice

from bridge.domain.delivery import DESK_LEGS, Delivery, Leg, OpenThread, Patience, Progress
from bridge.domain.ids import ConversationId, DeliveryId
from bridge.domain.shards import shard_of
from bridge.ports.store import Settlement

Key = tuple[ConversationId, Leg]
Room = tuple[str, str]
"""A desk's name, and a room of it."""

VISIBLE_ONCE = frozenset({Leg.DESK, Leg.NOTICE})
"""Legs on which a repetition would be seen by people."""

PARKING = frozenset({Leg.DESK, Leg.WEBHOOK})
"""Legs whose dead deliveries park the lane: what follows must not overtake them."""

PATIENCE: dict[Leg, Patience] = dict.fromkeys(Leg, Patience()) | {
    Leg.ASSISTANT: Patience(attempts=1, waits_when_told=False, lost=2),
    Leg.WEBHOOK: Patience(delays=(1, 5, 30, 300, 1800, 7200, 18_000, 36_000), attempts=9),
}
"""A customer waits for the assistant, so its failure is told at once and the policy decides whether
it is asked again. A question under way when the program ended is asked by the next two as well, and
given up on by the third. A receiver of webhooks may be away for a day, as Standard Webhooks says.
"""


PROBE = 300.0
"""Seconds between two probes of a room that refuses: no platform that has said no is asked more
often, and nobody waits much longer for a room that takes posts again.
"""

NOT_OURS = -1
"""The epoch of a lease that is not held; the database issues none below 1."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the courier's: deliveries that moved, under the lease of their shard.

    With `epoch` they moved under that very lease: one that passed on and came back is another.
    """

    settlements: tuple[Settlement, ...]
    epoch: int | None = None


class LaneLost(Exception):
    """Another instance carries this lane now, or may do so by the time a call would end."""


@dataclass(slots=True)
class Lane:
    """What waits on one conversation's way to one party, in order.

    `refused_at` is when its head was given up on, on the monotonic clock; None where trying it
    again by itself could do harm. `probed` is the head that is tried again though nobody asked.
    `doubted_at` is when a call last ended in doubt here, or was found to have been under way.
    `inherited` is the position up to which it was found stored by whoever took its shard over: one
    of those may be what ended the program before. `losses` counts how often the head was taken
    away because its shard was lost: what began before that says nothing about what came after.
    """

    queue: deque[Delivery] = field(default_factory=deque)
    task: object | None = None
    parked: bool = False
    refused_at: float | None = None
    probed: DeliveryId | None = None
    doubted_at: float = 0.0
    fresh: DeliveryId | None = None
    inherited: int = 0
    losses: int = 0

    def marks(self, delivery: Delivery) -> bool:
        """Whether an attempt is stored before it begins: where a repetition would be seen, and
        where one must not be made for ever.
        """
        return delivery.leg in VISIBLE_ONCE or delivery.position <= self.inherited

    def is_at_head(self, delivery: Delivery) -> bool:
        """Whether a delivery, in whatever progress, is the next to go."""
        return bool(self.queue) and self.queue[0].id == delivery.id

    def is_as_left(self, delivery: Delivery) -> bool:
        """Whether this very value is the next to go, and not the same delivery read anew."""
        return bool(self.queue) and self.queue[0] is delivery

    def group(
        self, merges: Callable[[tuple[Delivery, ...], Delivery], bool]
    ) -> tuple[Delivery, ...]:
        """Return the head and those right behind it that may go in the same post."""
        group = [self.queue[0]]
        for delivery in islice(self.queue, 1, None):
            if not merges(tuple(group), delivery):
                break
            group.append(delivery)
        return tuple(group)

    def replace(self, head: Delivery, moved: Delivery) -> bool:
        """Put what became of the head in its place; False when the lane went on without it, or was
        lost and is read anew: what is known of it there is newer.
        """
        if not self.is_as_left(head):
            return False
        self.queue[0] = moved
        return True

    def keep_only(self, owned: Container[int]) -> None:
        """Drop what is in shards that are not ours, and with the head what was known of it."""
        kept = deque(delivery for delivery in self.queue if shard_of(delivery) in owned)
        if not kept or kept[0] is not self.queue[0]:
            self.fresh, self.parked = None, False
            self.losses += 1
        self.queue = kept

    def share_doubt(
        self,
        skipped: Delivery,
        merges: Callable[[tuple[Delivery, ...], Delivery], bool],
    ) -> None:
        """Have those looked for that may have gone in the post of one that is skipped in doubt."""
        group = [skipped]
        for at, other in enumerate(self.queue):
            is_later = other.created_at > (skipped.attempted_at or 0.0)
            if is_later or not merges(tuple(group), other):
                return
            group.append(other)
            self.queue[at] = other.moved(other.progress, attempted_at=skipped.attempted_at)

    def park(self, refused_at: float | None) -> None:
        """Let nothing pass before the head, which was given up on, is mended."""
        self.parked, self.refused_at = True, refused_at

    def unmark(self, delivery: Delivery) -> None:
        """Take back that the head, as it was, is being sent, where a repetition is harmless."""
        sending = self.is_at_head(delivery) and self.queue[0].progress is Progress.SENDING
        if sending and delivery.leg not in VISIBLE_ONCE:
            self.queue[0] = delivery


def parks(delivery: Delivery) -> bool:
    """Whether a dead delivery holds up what follows it."""
    return delivery.leg in PARKING and not isinstance(delivery.payload, OpenThread)


def at_once(delivery: Delivery) -> Delivery:
    """Return a delivery as whoever begins to carry it tries it: what waits because its desk could
    not be reached is tried without waiting, and that attempt does not count.
    """
    if delivery.leg not in DESK_LEGS or delivery.progress is not Progress.QUEUED:
        return delivery
    return delivery.moved(Progress.QUEUED, due_at=0.0, attempts=max(delivery.attempts - 1, 0))


def falls_under(delivery: Delivery, up_to: int) -> bool:
    """Whether a cancellation up to a position means a delivery; what is on its way it spares."""
    return delivery.position <= up_to and delivery.progress is not Progress.SENDING


def turn_of(delivery: Delivery) -> tuple[ConversationId, bool, int]:
    """Return when a stored delivery has its turn: one on its way may be behind one revived since,
    and no other of its lane can leave before that one's end is known.
    """
    under_way = delivery.progress is Progress.SENDING
    return delivery.conversation_id, not under_way, delivery.position
