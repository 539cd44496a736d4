"""Whole dialogues: where a person comes in, and how that is compared with what happened."""

from bridge.domain.messages import Role
from bridge.domain.policy import default_policy
from bridge.domain.policy.replaying import Dialogue, Said, agreement, replay, replay_all

OFFER = "I cannot do that. Would you like me to transfer you to a human agent?"


def dialogue(
    name: str, *turns: tuple[str, str], transferred: bool | None, after: int | None = None
) -> Dialogue:
    """Return a dialogue of (role, text) turns."""
    said = tuple(Said(place, Role(role), text) for place, (role, text) in enumerate(turns))
    return Dialogue(name, "en", said, transferred, after)


ASKED = dialogue(
    "asked",
    ("customer", "Change my name on the ticket"),
    ("assistant", OFFER),
    ("customer", "Yes please"),
    transferred=True,
    after=3,
)
KEPT = dialogue(
    "kept",
    ("customer", "What are your hours?"),
    ("assistant", "Nine to five. Anything else?"),
    ("customer", "No, thank you!"),
    transferred=False,
)
MISSED = dialogue("missed", ("customer", "Hm."), ("assistant", "Well."), transferred=True, after=2)
EAGER = dialogue("eager", ("customer", "let me talk to a human"), transferred=False)


def test_the_place_and_the_reason_are_told() -> None:
    """The replay says at which turn a person comes in, and why."""
    found = replay(default_policy(), ASKED)
    assert found.turn == 2
    assert found.decision is not None
    assert found.decision.evidence == "Yes"
    assert found.attempts == 1


def test_agreement_counts_what_is_known() -> None:
    """Precision and recall are over dialogues whose truth is known."""
    unknown = dialogue("unknown", ("customer", "let me talk to a human"), transferred=None)
    found = agreement(replay_all(default_policy(), [ASKED, KEPT, MISSED, EAGER, unknown]))
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert (found.late, found.early) == (0.0, 0.0)


def test_early_is_before_the_assistant_tried() -> None:
    """A right escalation may still have come too soon."""
    first = dialogue("first", ("customer", "let me talk to a human"), transferred=True, after=1)
    assert agreement(replay_all(default_policy(), [first])).early == 1.0


def test_late_is_more_than_a_turn_after_the_transfer() -> None:
    """The turn of the transfer and the next one are in time."""
    talk = [("customer", "Hm."), ("assistant", "Well."), ("customer", "let me talk to a human")]
    on_time = dialogue("on time", *talk, transferred=True, after=2)
    late = dialogue("late", *talk, transferred=True, after=1)
    assert agreement(replay_all(default_policy(), [on_time])).late == 0.0
    assert agreement(replay_all(default_policy(), [late])).late == 1.0


def test_people_and_notices_are_not_judged() -> None:
    """What teammates and the system say brings nobody in."""
    talk = dialogue(
        "people",
        ("teammate", "I will transfer you to a human agent."),
        ("system", "let me talk to a human"),
        transferred=False,
    )
    assert not replay(default_policy(), talk).escalated


def test_no_dialogue_gives_no_figures() -> None:
    """Nothing to share is zero, not an error."""
    assert agreement([]).precision == 0.0
