"""The history checker finds what it is there to find: hand-made bad histories."""

import pytest

from tests.proof.history import Acknowledged, Seen, check

TOLD = Acknowledged(customers={"c0": 2}, teammates={"t0": 1}, notes={"n0"})
GOOD_LOG = (
    ("customer", "c0-0"),
    ("teammate", "t0-0"),
    ("customer", "c0-1"),
    ("customer", "c0-2"),
    ("teammate", "t0-1"),
)
GOOD_THREAD = ("c0-0", "c0-1\nc0-2")


def test_a_good_history_has_no_problems() -> None:
    """Merged lines count each; an unacknowledged last line may be there."""
    assert check([Seen((*GOOD_THREAD, "c0-3"), (*GOOD_LOG, ("customer", "c0-3")), 1)], [TOLD]) == []


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Seen(("c0-0", "c0-2"), GOOD_LOG, 1), "c0 in the thread: lost [1]"),
        (Seen(("c0-0", "c0-1", "c0-1", "c0-2"), GOOD_LOG, 1), "c0 in the thread: doubled [1]"),
        (Seen(("c0-1", "c0-0", "c0-2"), GOOD_LOG, 1), "c0 in the thread: out of order"),
        (
            Seen((*GOOD_THREAD, "c0-4", "c0-3"), (*GOOD_LOG, ("customer", "c0-3")), 1),
            "c0 in the thread: out of order",
        ),
        (
            Seen((*GOOD_THREAD, "c0-3", "c0-3"), GOOD_LOG, 1),
            "c0 in the thread: doubled [3]",
        ),
        (Seen(GOOD_THREAD, GOOD_LOG[1:], 1), "c0 in the log: lost [0]"),
        (
            Seen(GOOD_THREAD, (*GOOD_LOG, ("customer", "c0-2")), 1),
            "c0 in the log: doubled [2]",
        ),
        (
            Seen(GOOD_THREAD, (*GOOD_LOG[:2], *reversed(GOOD_LOG[2:4]), GOOD_LOG[4]), 1),
            "c0 in the log: out of order",
        ),
        (
            Seen(GOOD_THREAD, (*GOOD_LOG, ("teammate", "t0-1")), 1),
            "t0 at the customer's: doubled [1]",
        ),
        (
            Seen(GOOD_THREAD, (GOOD_LOG[0], GOOD_LOG[4], *GOOD_LOG[2:4], GOOD_LOG[1]), 1),
            "t0 at the customer's: out of order",
        ),
        (Seen(GOOD_THREAD, GOOD_LOG, 2), "conversation 0: 2 threads"),
        (Seen(GOOD_THREAD, GOOD_LOG[:-1], 1), "t0 at the customer's: lost [1]"),
        (
            Seen(GOOD_THREAD, (*GOOD_LOG, ("teammate", "n0-0")), 1),
            "conversation 0: a note of n0 reached the customer",
        ),
        (
            Seen(GOOD_THREAD, (*GOOD_LOG, ("assistant", "hi")), 1),
            "conversation 0: the assistant spoke over a person",
        ),
    ],
)
def test_each_kind_of_broken_promise_is_named(seen: Seen, found: str) -> None:
    """Loss, repetition, disorder, a second thread, a leaked note, a late assistant."""
    assert check([seen], [TOLD]) == [found]
