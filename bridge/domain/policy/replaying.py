"""Whole dialogues through the policy: where it would have brought in a person, and was it right.

Only what customers and assistants said goes in; what really happened is the truth to compare
with and is never read by the policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.domain.messages import Role
from bridge.domain.policy.decide import decide
from bridge.domain.policy.engine import Policy
from bridge.domain.policy.values import (
    MAX_TURNS,
    Action,
    AssistantSaid,
    CustomerSaid,
    Decision,
    Memory,
    Talk,
    Turn,
)

SECONDS_A_TURN = 20.0
"""Dialogues without times are given this pace."""

_LATE_TURNS = 1


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of a dialogue with its place in the file or conversation."""

    place: int
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A recorded dialogue.

    `transferred` is the truth, or None when nobody knows; `after_turn` the number of turns before
    the transfer.
    """

    id: str
    lang: str
    turns: tuple[Said, ...]
    transferred: bool | None = None
    after_turn: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where the policy would have escalated a dialogue: the place and the decision, or None."""

    dialogue: Dialogue
    turn: int | None = None
    decision: Decision | None = None
    attempts: int = 0

    @property
    def escalated(self) -> bool:
        """Tell whether the policy brought in a person."""
        return self.turn is not None

    @property
    def is_late(self) -> bool:
        """Tell whether the person came more than one turn after the real transfer."""
        truth = self.dialogue.after_turn
        return self.turn is not None and truth is not None and self.turn >= truth + _LATE_TURNS

    @property
    def is_early(self) -> bool:
        """Tell whether the person came before the assistant had given any answer."""
        return self.escalated and not self.attempts


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a policy agrees with what really happened; shares from 0 to 1."""

    precision: float
    recall: float
    late: float
    early: float


def replay(policy: Policy, dialogue: Dialogue) -> Replayed:
    """Play a dialogue until the policy brings in a person or it ends."""
    memory, heard, attempts = Memory(), list[Turn](), 0
    for said in dialogue.turns:
        event = _event(said)
        if event is not None:
            minutes = said.place * SECONDS_A_TURN / 60
            talk = Talk(tuple(heard[-MAX_TURNS:]), dialogue.lang, minutes)
            decision, memory = decide(policy, talk, memory, event)
            if decision.action is Action.ESCALATE:
                return Replayed(dialogue, said.place, decision, attempts)
            attempts += said.role is Role.ASSISTANT
        heard.append(Turn(said.role, said.text))
    return Replayed(dialogue, attempts=attempts)


def _event(said: Said) -> CustomerSaid | AssistantSaid | None:
    at = said.place * SECONDS_A_TURN
    match said.role:
        case Role.CUSTOMER:
            return CustomerSaid(said.text, at)
        case Role.ASSISTANT:
            return AssistantSaid(said.text, at)
        case _:
            return None


def agreement(replayed: Iterable[Replayed]) -> Agreement:
    """Compare with the truth; dialogues without one are left out."""
    known = [r for r in replayed if r.dialogue.transferred is not None]
    right = [r for r in known if r.escalated and r.dialogue.transferred]
    return Agreement(
        precision=share(len(right), sum(r.escalated for r in known)),
        recall=share(len(right), sum(bool(r.dialogue.transferred) for r in known)),
        late=share(sum(r.is_late for r in right), len(right)),
        early=share(sum(r.is_early for r in right), len(right)),
    )


def share(part: int, whole: int) -> float:
    """Return part of whole, 0 when there is nothing to share."""
    return part / whole if whole else 0.0


def replay_all(policy: Policy, dialogues: Iterable[Dialogue]) -> Sequence[Replayed]:
    """Play many dialogues."""
    return [replay(policy, dialogue) for dialogue in dialogues]
