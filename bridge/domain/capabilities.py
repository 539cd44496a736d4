"""What a desk can do, as data the core may ask; the core never names a platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeskCapabilities:
    """Abilities and limits of one desk.

    `max_text` is in characters of one post; `posts_per_second` is the room's budget, or None for
    no limit; `settle_seconds` is how long an uncertain post may stay invisible before its absence
    is believed; `merges` allows waiting lines of one speaker to become one post.
    """

    max_text: int
    posts_per_second: float | None = None
    burst: int = 1
    can_find: bool = True
    can_pin: bool = False
    can_mark: bool = False
    can_attach: bool = True
    merges: bool = True
    settle_seconds: float = 30.0
