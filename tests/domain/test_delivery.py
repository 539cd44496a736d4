"""Deliveries: legs, patience."""

from typing import get_args

import pytest

from bridge.domain.delivery import LEGS, Leg, Patience, Payload, Undecoded


def test_every_payload_has_a_leg() -> None:
    """The table holds all of `Payload` and nothing else, and uses every leg."""
    assert set(LEGS) == set(get_args(Payload)) - {Undecoded}
    assert set(LEGS.values()) == set(Leg)


@pytest.mark.parametrize(("attempt", "delay"), [(1, 0.5), (2, 1), (8, 240), (30, 240)])
def test_patience_grows_and_then_stays(attempt: int, delay: float) -> None:
    """The last delay repeats."""
    assert Patience().delay(attempt) == delay


def test_a_delivery_is_tried_for_at_most_a_quarter_of_an_hour() -> None:
    """Eight waits of the default patience stay under fifteen minutes."""
    patience = Patience()
    assert sum(patience.delay(n) for n in range(1, patience.attempts)) <= 15 * 60
