"""The handoff table: every state against every step."""

from itertools import product

import pytest

from bridge.domain.errors import IllegalTransition
from bridge.domain.handoff import FLOORS, OPEN, TRANSITIONS, Floor, Handoff, Reason, State, Step
from bridge.domain.ids import ConversationId, HandoffId
from bridge.domain.messages import Author


def handoff(state: State) -> Handoff:
    """Return a handoff in a state."""
    reason = Reason("button", "button", "asked")
    return Handoff(
        HandoffId("h"), ConversationId("c"), 1, state, "memory", "room", reason, 1.0, 1.0, 0
    )


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_a_step_is_taken_exactly_when_the_table_has_it(state: State, step: Step) -> None:
    """`accepts` and `advance` agree with the table for every pair."""
    before = handoff(state)
    if step in TRANSITIONS[state]:
        after = before.advance(step, 9.0, Author("Ann"))
        assert (after.state, after.changed_at) == (TRANSITIONS[state][step], 9.0)
    else:
        assert not before.accepts(step)
        with pytest.raises(IllegalTransition, match=str(step)):
            before.advance(step, 9.0)


def test_every_state_is_in_the_tables() -> None:
    """No state without steps and floor, even if the steps are none."""
    assert set(TRANSITIONS) == set(FLOORS) == set(State)


def test_every_state_is_reachable() -> None:
    """From a request each state can come about."""
    reached, frontier = {State.REQUESTED}, [State.REQUESTED]
    while frontier:
        for state in TRANSITIONS[frontier.pop()].values():
            if state not in reached:
                reached.add(state)
                frontier.append(state)

    assert reached == set(State)


def test_a_closed_handoff_takes_no_step() -> None:
    """Closed is closed for good."""
    closed = set(State) - OPEN
    assert closed == {State.RESOLVED, State.HANDED_BACK, State.EXPIRED, State.FAILED}
    assert all(not TRANSITIONS[state] for state in closed)


def test_only_an_active_handoff_gives_a_teammate_the_floor() -> None:
    """Who has the floor follows from the state alone."""
    assert [s for s in State if FLOORS[s] is Floor.TEAMMATE] == [State.ACTIVE]


def test_releasing_takes_the_owner_away_and_claiming_keeps_the_first_time() -> None:
    """The card tells who has it, and since when people had it."""
    claimed = handoff(State.WAITING).advance(Step.CLAIMED, 5.0, Author("Ann"))
    released = claimed.advance(Step.RELEASED, 6.0)
    again = released.advance(Step.CLAIMED, 7.0, Author("Bob"))

    assert (claimed.owner, released.owner, again.owner) == (Author("Ann"), None, Author("Bob"))
    assert again.claimed_at == 5.0
