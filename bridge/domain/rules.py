"""What the reactions are told once, at start: where people are, how long to wait, what to ask.

Values only; the composition root builds them from the settings. A policy that is reloaded makes
new `Rules`.
"""

from dataclasses import dataclass, field

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Place:
    """A room at a desk."""

    desk: str
    room: str


@dataclass(frozen=True, slots=True)
class Waits:
    """The deadlines of the waiting states, in seconds.

    `reminders` are the delays, from the escalation, after which the thread (and then the next
    room or the person on call) is reminded that a customer waits; `give_up` is when the customer
    is brought back to the assistant and asked for an address instead. `unanswered` is how long a
    customer's line may stay without an answer while a teammate has the floor before the thread is
    reminded, and `idle` when the handoff is put back into the queue. `assistant` is how long an
    assistant may take that answers later by the bot API.
    """

    reminders: tuple[float, ...] = (120.0, 300.0)
    give_up: float = 900.0
    unanswered: float = 600.0
    idle: float = 3600.0
    assistant: float = 60.0

    def deadline(self, reminders: int) -> float:
        """Return the seconds from the last change until the next step of a waiting handoff."""
        steps = (*self.reminders, self.give_up)
        index = min(reminders, len(self.reminders))
        return max(steps[index] - (steps[index - 1] if index else 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the reactions decide by, apart from the conversation itself.

    `places` are the rooms in the order they are tried; empty means that nobody can be reached.
    `asks` is False when an outside bot answers by the bot API. `webhooks` says whether outgoing
    webhooks are wanted. `on_call` is named in the second reminder.
    """

    policy: Policy
    places: tuple[Place, ...] = ()
    desks: dict[str, DeskCapabilities] = field(default_factory=dict)
    waits: Waits = Waits()
    asks: bool = True
    webhooks: bool = False
    assistant_name: str = "Assistant"
    on_call: str = ""

    def can_mark(self, desk: str) -> bool:
        """Whether a desk can show how far a reply got."""
        found = self.desks.get(desk)
        return found is not None and found.can_mark
