"""What the policy is told and what it answers; plain values, times as epoch seconds.

The policy never reads a clock and keeps nothing: what it must remember it hands back as a
`Memory`, which the conversation stores as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from bridge.domain.messages import Role

MAX_TURNS = 20
"""How many of the last turns of a talk are looked at."""


class Action(StrEnum):
    """What is to be done; each is stronger than the one before."""

    NONE = "none"
    TAG = "tag"
    OFFER = "offer"
    ESCALATE = "escalate"


class Mode(StrEnum):
    """How a topic is acted upon."""

    IMMEDIATE = "immediate"
    OFFER = "offer"
    AFTER_ATTEMPTS = "after_attempts"
    TAG = "tag"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the talk."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """The talk before the event: its last turns (the event's own message may be among them).

    `floor_minutes` is how long the assistant has had the floor; `room` where the conversation
    would go if no rule says otherwise.
    """

    turns: tuple[Turn, ...] = ()
    lang: str = "en"
    floor_minutes: float = 0.0
    room: str = ""


@dataclass(frozen=True, slots=True)
class CustomerSaid:
    """The customer wrote while the assistant has the floor."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class AssistantSaid:
    """The assistant answered.

    `failed` when the assistant itself says the question is not resolved; `confidence` from 0 to
    1, or None when it gives none.
    """

    text: str
    at: float
    failed: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class AssistantEscalates:
    """The assistant called its tool to bring in a person."""

    at: float
    reason: str = ""
    summary: str = ""
    urgency: str = ""


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """The customer pressed "talk to a person"."""

    at: float


@dataclass(frozen=True, slots=True)
class ApiEscalates:
    """A program asked for a person by the API."""

    at: float
    reason: str = ""
    urgency: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class AssistantFailed:
    """The assistant gave no answer: an error or a time-out."""

    at: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class ThumbsDown:
    """The customer rated an answer of the assistant as bad."""

    at: float


@dataclass(frozen=True, slots=True)
class HandedBack:
    """A person gave the conversation back to the assistant."""

    at: float


@dataclass(frozen=True, slots=True)
class HandoffClosed:
    """The handoff ended for good: what comes next is a new matter."""

    at: float


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    """The customer declined the offer of a person with a button."""

    at: float


Event = (
    CustomerSaid
    | AssistantSaid
    | AssistantEscalates
    | ButtonPressed
    | ApiEscalates
    | AssistantFailed
    | ThumbsDown
    | HandedBack
    | HandoffClosed
    | OfferDeclined
)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the policy keeps of a conversation between two events.

    `answers` counts the assistant's answers, `strikes` those in a row that did not help (`struck`
    when the present exchange is already counted), `errors` the failures in a row. `topic` is the
    topic that waits for attempts. `offered` is the trigger of an offer not answered yet
    (`offered_over` when the assistant has answered since), `offers`
    are the triggers for which a person was already offered, joined by spaces. Times are epoch
    seconds, 0 for never; `bounces` counts the times a person handed the talk back.
    """

    turns: int = 0
    since: float = 0.0
    answers: int = 0
    strikes: int = 0
    struck: bool = False
    errors: int = 0
    thumbs_down: int = 0
    frustration: int = 0
    topic: str = ""
    offered: str = ""
    offered_over: bool = False
    offers: str = ""
    declined_until: float = 0.0
    cool_until: float = 0.0
    bounces: int = 0

    def to_json(self) -> dict[str, object]:
        """Return what differs from a fresh memory, as plain JSON."""
        return {
            name: value
            for name in _NAMES
            if (value := getattr(self, name)) != getattr(_FRESH, name)
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Memory":
        """Read a stored memory; what is unknown or of another type is left at its beginning."""
        known = {name: data[name] for name in _NAMES if name in data}
        return cls(**{name: value for name, value in known.items() if _fits(name, value)})  # type: ignore[arg-type]


_FRESH = Memory()
_NAMES = tuple(field.name for field in fields(Memory))


def _fits(name: str, value: object) -> bool:
    """Tell whether a stored value has the type of the field; a whole number may be a time."""
    fresh = getattr(_FRESH, name)
    if isinstance(fresh, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(fresh)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy decided, and why, so that it can be shown, stored and replayed.

    `rule` names the pattern or setting that fired, `evidence` is the customer's (or assistant's)
    own words, `score` how sure the `detector` is. `would` is the action of a dry run. `stays`
    says that the conversation has come back too often: this time it stays with people.
    """

    action: Action
    trigger: str = ""
    rule: str = ""
    evidence: str = ""
    score: float = 0.0
    detector: str = ""
    policy_version: str = ""
    urgency: str = "normal"
    room: str = ""
    mandatory: bool = False
    explanation: str = ""
    would: Action = Action.NONE
    stays: bool = False
