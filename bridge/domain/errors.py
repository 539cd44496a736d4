"""What can go wrong, as a tree. A delivery fails in exactly one of three ways.

BridgeError
├── ConfigurationError      all problems at once, before anything starts
├── IllegalTransition       our bug: asked the handoff table for a step it does not have
├── StoreUnavailable        the database cannot take facts now; nothing was acknowledged
└── DeliveryError
    ├── TryAgain(after)     surely not delivered; the platform said when, or we back off
    ├── Uncertain           perhaps delivered (time-out after sending, crash): find first
    └── Refused(why)        surely not, and never will be
"""

from collections.abc import Callable, Sequence


class BridgeError(Exception):
    """Anything this program raises on purpose."""


class ConfigurationError(BridgeError):
    """The settings cannot be used; `problems` holds one sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def problems_in(*checks: Callable[[], object]) -> list[str]:
    """Return what these checks find wrong with the settings, each problem once.

    Each raises `ConfigurationError`, or returns something, which is of no interest.
    """
    problems: dict[str, None] = {}
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            problems.update(dict.fromkeys(error.problems))
    return list(problems)


def check_all(*checks: Callable[[], object]) -> None:
    """Raise `ConfigurationError` with all that these checks find wrong, if anything."""
    if problems := problems_in(*checks):
        raise ConfigurationError(problems)


class IllegalTransition(BridgeError):
    """The handoff table has no such step."""


class StoreUnavailable(BridgeError):
    """The database cannot take facts now; the sender must come again."""


class DeliveryError(BridgeError):
    """A delivery did not end well."""


class TryAgain(DeliveryError):
    """Surely not delivered; `after` is the number of seconds to wait, or None to back off."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after = after


class Uncertain(DeliveryError):
    """Perhaps delivered, perhaps not."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Refused(DeliveryError):
    """Surely not delivered, and repeating it cannot help.

    `lost_thread` says that the thread itself is gone, so that a new one may be opened.
    """

    def __init__(self, why: str, *, lost_thread: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.lost_thread = lost_thread
