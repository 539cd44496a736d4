"""The handoff: how a conversation passes from the assistant to people and back.

Theory of operation. A handoff is REQUESTED when the escalation is stored, WAITING once its
thread stands at the desk, ACTIVE while a teammate has the floor, and then it ends for good in one
of four closed states; a later escalation is a new handoff that continues the same thread.
Everything that can happen to a handoff is a row of `TRANSITIONS`; whoever wants to know whether
a step is possible asks `accepts`, because people may click at any moment and a late click is an
answer to give, not an error. The picture in docs/handoff.md is drawn from this table.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from bridge.domain.errors import IllegalTransition
from bridge.domain.ids import ConversationId, HandoffId
from bridge.domain.messages import Author


class State(StrEnum):
    """Where a handoff stands."""

    REQUESTED = "requested"
    WAITING = "waiting"
    ACTIVE = "active"
    RESOLVED = "resolved"
    HANDED_BACK = "handed_back"
    EXPIRED = "expired"
    FAILED = "failed"


class Step(StrEnum):
    """What can happen to a handoff."""

    THREAD_OPENED = "thread_opened"
    CLAIMED = "claimed"
    RELEASED = "released"
    IDLE = "idle"
    RESOLVED = "resolved"
    HANDED_BACK = "handed_back"
    EXPIRED = "expired"
    DESK_LOST = "desk_lost"


class Floor(StrEnum):
    """Who may speak to the customer. NOBODY is shown to the outside as `closed`."""

    ASSISTANT = "assistant"
    WAITING = "waiting"
    TEAMMATE = "teammate"
    NOBODY = "closed"


_ENDINGS = {
    Step.RESOLVED: State.RESOLVED,
    Step.HANDED_BACK: State.HANDED_BACK,
    Step.DESK_LOST: State.FAILED,
}

TRANSITIONS: dict[State, dict[Step, State]] = {
    State.REQUESTED: {
        Step.THREAD_OPENED: State.WAITING,
        Step.CLAIMED: State.ACTIVE,
        Step.EXPIRED: State.EXPIRED,
        **_ENDINGS,
    },
    State.WAITING: {
        Step.THREAD_OPENED: State.WAITING,
        Step.CLAIMED: State.ACTIVE,
        Step.EXPIRED: State.EXPIRED,
        **_ENDINGS,
    },
    State.ACTIVE: {
        Step.THREAD_OPENED: State.ACTIVE,
        Step.CLAIMED: State.ACTIVE,
        Step.RELEASED: State.WAITING,
        Step.IDLE: State.WAITING,
        **_ENDINGS,
    },
    State.RESOLVED: {},
    State.HANDED_BACK: {},
    State.EXPIRED: {},
    State.FAILED: {},
}

OPEN = frozenset(state for state, steps in TRANSITIONS.items() if steps)

FLOORS: dict[State, Floor] = {
    State.REQUESTED: Floor.WAITING,
    State.WAITING: Floor.WAITING,
    State.ACTIVE: Floor.TEAMMATE,
    State.RESOLVED: Floor.NOBODY,
    State.HANDED_BACK: Floor.ASSISTANT,
    State.EXPIRED: Floor.ASSISTANT,
    State.FAILED: Floor.ASSISTANT,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the conversation was escalated, for teammates only; never shown to the customer.

    `trigger` is the policy's name for the kind of cause, `evidence` the customer's words that
    fired it or nothing, `explanation` the sentence for the case card, `summary` what the caller
    said of the case.
    """

    trigger: str
    rule: str
    explanation: str
    evidence: str = ""
    summary: str = ""
    detector: str = ""
    score: float = 1.0
    policy_version: str = ""
    urgency: str = "normal"


@dataclass(frozen=True, slots=True)
class Handoff:
    """One passage to people. `number` counts the conversation's handoffs from 1.

    `joined` are the teammates of whom the customer was told that they came.
    """

    id: HandoffId
    conversation_id: ConversationId
    number: int
    state: State
    desk: str
    room: str
    reason: Reason
    requested_at: float
    changed_at: float
    from_seq: int
    owner: Author | None = None
    claimed_at: float | None = None
    replied_at: float | None = None
    closed_at: float | None = None
    reminders: int = 0
    joined: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether people still have, or wait for, this handoff."""
        return self.state in OPEN

    def accepts(self, step: Step) -> bool:
        """Return whether `step` is possible now."""
        return step in TRANSITIONS[self.state]

    def advance(self, step: Step, at: float, owner: Author | None = None) -> "Handoff":
        """Return the handoff after `step`; raises `IllegalTransition` when the table has none."""
        if not self.accepts(step):
            message = f"a handoff in state {self.state} cannot take step {step}"
            raise IllegalTransition(message)
        state = TRANSITIONS[self.state][step]
        moved = replace(self, state=state, changed_at=at)
        if step is Step.CLAIMED:
            return replace(moved, owner=owner, claimed_at=self.claimed_at or at)
        if state is State.WAITING:
            return replace(moved, owner=None)
        return moved if state in OPEN else replace(moved, closed_at=at)
