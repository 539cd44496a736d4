"""What a planted bug is, and the promises of docs/delivery.md that one can break."""

from dataclasses import dataclass

LOCAL = "not postgres and not browser"
SHARED = "postgres and not slow"
"""Which tests of a file are run: those that need no server, or those on PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: what it does, which promise it breaks, where it is planted, and who must see it.

    `tests` are files, or single tests in them; of these the ones that `markers` chooses are run.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    markers: str = LOCAL


STORED = "Stored before acknowledged"
ONCE_IN = "Taken once"
ONCE_OUT = "Sent once"
ORDER = "In order"
FLOOR = "Nobody talks over a person"
NOTES = "A note never reaches the customer"
ALIVE = "Nothing silently dead"
ALL = "The customer misses nothing"
CLOSED = "Closed to strangers"
